"""ENDPOINT of the command line as a model configuration; what is wrong is told in its own words."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from mcpbridge.config import ModelConfig, load_config_text, process_sources
from mcpbridge.config.suggest import also, instead
from mcpbridge.config.urls import url_problem
from mcpbridge.errors import ConfigurationError, UsageError

_NAMED: Final = ("openai", "azure", "local")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_AZURE: Final = (
    "ENDPOINT azure needs the environment variable AZURE_OPENAI_ENDPOINT, which is not set; "
    "set it, or name the base URL: https://NAME.openai.azure.com/openai/v1"
)


def endpoint_config(endpoint: str, *, model: str, key_env: str | None) -> ModelConfig:
    """The endpoint and its key; nothing else of the environment is sent. Raises UsageError."""
    section: dict[str, object] = {"name": model or "?", "endpoint": endpoint}
    if "://" in endpoint:
        _check_url(endpoint)
        section["profile"] = {}
    elif endpoint not in _NAMED:
        raise UsageError(
            f"ENDPOINT cannot be {endpoint!r}; {also(instead(endpoint, _NAMED), 'or a base URL')}"
        )
    if key_env is not None:
        if not _VARIABLE.fullmatch(key_env):
            raise UsageError(f"--key-env {key_env!r} is not a variable's name (letters, digits and _)")
        section["api_key"] = f"${{env:{key_env}}}"
    config = _loaded(section)
    _check_key(config, f"--key-env {key_env}" if key_env is not None else f"ENDPOINT {endpoint}")
    return config if model else replace(config, name="")


def _check_url(url: str) -> None:
    problem = url_problem(url, allow_http=False)
    if problem is None and "?" in url:
        problem = "a base URL has no query; use -c FILE with model.query"
    if problem is None:
        return
    what, _, advice = problem.partition("; ")
    if "headers" in advice:
        advice = "name the variable of its key with --key-env"
    if "allow_http" in advice:
        advice = "write https://, or use -c FILE with allow_http: true"
    raise UsageError(f"ENDPOINT: {what}" + (f"; {advice}" if advice else ""))


def _loaded(section: dict[str, object]) -> ModelConfig:
    text = json.dumps({"model": section, "policy": "read-only"})
    try:
        return load_config_text(text, file="ENDPOINT", directory=Path()).model
    except ConfigurationError as error:
        problem = error.problems[0].message
    raise UsageError(_AZURE if problem.startswith("endpoint: azure needs") else f"ENDPOINT: {problem}")


def _check_key(config: ModelConfig, place: str) -> None:
    if config.api_key is None:
        return
    try:
        config.api_key.resolve(process_sources())
    except ConfigurationError as error:
        problem = error.problems[0].message
    else:
        return
    what = problem.partition(";")[0]
    raise UsageError(f"{place}: {what}; set it, or name another one with --key-env")
