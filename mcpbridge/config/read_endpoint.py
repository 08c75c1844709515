"""`model.endpoint:` → the URL requests go to, and the credential they carry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mcpbridge.config.models import Endpoint
from mcpbridge.config.reader import Reader
from mcpbridge.config.suggest import instead
from mcpbridge.config.template import SecretTemplate
from mcpbridge.config.urls import url_problem

OPENAI_URL: Final = "https://api.openai.com/v1/"
LOCAL_URL: Final = "http://127.0.0.1:8788/v1"
"""Where `mcpbridge` serves its own Responses service unless told otherwise."""
_NAMED: Final[dict[str, Endpoint]] = {"openai": "openai", "azure": "azure", "local": "local"}
_VARIABLES: Final = {"openai": "OPENAI_API_KEY", "azure": "AZURE_OPENAI_API_KEY"}
RESOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", re.ASCII)


def read_endpoint(model: Reader, env: Mapping[str, str]) -> tuple[Endpoint, str]:
    """Kind of endpoint, and its base URL with a slash at the end."""
    value = model.required("endpoint", "write openai, azure, local or a base URL") or ""
    kind = _NAMED.get(value, "url")
    _only_for(model, "resource", "azure", kind)
    _only_for(model, "url", "local", kind)
    match kind:
        case "openai":
            url = OPENAI_URL
        case "azure":
            url = _azure(model, env)
        case "local":
            url = _local(model, env)
        case _:
            url = _given(model, value)
    return kind, url.rstrip("/") + "/"


def read_api_key(model: Reader, endpoint: Endpoint) -> SecretTemplate | None:
    """The declared credential, else the endpoint's usual variable; a base URL never gets OpenAI's key."""
    variable = _VARIABLES.get(endpoint)
    if model.has("api_key"):
        return model.secret("api_key", variable or "NAME")
    return model.parse(f"${{env:{variable}}}", "endpoint") if variable else None


def _only_for(model: Reader, key: str, owner: str, kind: Endpoint) -> None:
    if model.has(key) and kind != owner:
        model.refuse(
            f"model.{key} belongs to endpoint: {owner}; a base URL is written as endpoint: https://…", key
        )


def _given(model: Reader, value: str) -> str:
    if value and "://" not in value:
        model.refuse(
            f"model.endpoint cannot be {value[:40]!r}; {instead(value, _NAMED)} Or a base URL", "endpoint"
        )
    elif value:
        _check(model, value, "model.endpoint", "endpoint")
    return value


def _azure(model: Reader, env: Mapping[str, str]) -> str:
    resource = model.text("resource")
    if resource is None:
        resource = env.get("AZURE_OPENAI_ENDPOINT", "")
        if not resource:
            model.refuse(
                "endpoint: azure needs resource: NAME (or its URL), or the environment variable "
                "AZURE_OPENAI_ENDPOINT, which is not set",
                "endpoint",
            )
            return ""
        return _azure_url(model, resource, "AZURE_OPENAI_ENDPOINT", "endpoint")
    if RESOURCE.fullmatch(resource):
        return f"https://{resource}.openai.azure.com/openai/v1"
    return _azure_url(model, resource, "model.resource", "resource")


def _azure_url(model: Reader, url: str, name: str, key: str) -> str:
    _check(model, url, name, key)
    bare = url.rstrip("/")
    return bare if bare.endswith("/openai/v1") else f"{bare.removesuffix('/openai')}/openai/v1"


def _local(model: Reader, env: Mapping[str, str]) -> str:
    url = model.text("url")
    if url is not None:
        _check(model, url, "model.url", "url")
        return url
    url = env.get("MCPBRIDGE_LOCAL_URL") or LOCAL_URL
    _check(model, url, "MCPBRIDGE_LOCAL_URL", "endpoint")
    return url


def _check(model: Reader, url: str, name: str, key: str) -> None:
    problem = url_problem(url, allow_http=model.values.get("allow_http") is True)
    if problem is None and "?" in url:
        problem = "a base URL has no query; write it under model.query"
    if problem:
        model.refuse(f"{name}: {problem}", key)
