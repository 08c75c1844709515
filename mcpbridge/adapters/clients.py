"""The AsyncOpenAI client of a configuration: OpenAI, Azure (`/openai/v1/`) and any base URL.

Azure's v1 endpoint speaks the same protocol and needs no api-version (WIRE §8), so one class serves all.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx2
import openai

from mcpbridge.adapters.answer_size import PLAIN, AnswerSize
from mcpbridge.adapters.client_environment import kept_from, sent_values
from mcpbridge.adapters.small_pools import CONNECTIONS, SmallPools
from mcpbridge.config import ModelConfig, SecretSources
from mcpbridge.config.urls import is_loopback, looks_like_credential_name
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.errors import McpbridgeError, UsageError

TokenProvider = Callable[[], str | Awaitable[str]]
"""Gives an access token for each request, as azure-identity's `get_bearer_token_provider` does."""

_NO_KEY = "local-key"
"""The client insists on a key. Endpoints without one ignore it; it is the local service's default."""
_IDLE: Final = 3.0
"""Seconds that an unused connection is kept. uvicorn, which many endpoints run on, closes it after 5, and a
request sent at that moment is lost: with a live approval in it, nobody knows whether it ran."""
_CREDENTIALS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "apikey"})


def make_client(
    config: ModelConfig,
    sources: SecretSources,
    mask: Mask,
    *,
    token_provider: TokenProvider | None = None,
    answer_limit: int | None = None,
) -> openai.AsyncOpenAI:
    """A client with the configured address, credential, headers, proxy and CA file; no retries of its own.

    `answer_limit`: no more bytes of an answer are read, where its reader does not see to that.
    Raises MissingSecret where a referenced credential is not there.
    """
    key = None if token_provider is not None or config.api_key is None else config.api_key.resolve(sources)
    headers = {name: value.resolve(sources) for name, value in config.headers.items()}
    query = {name: value.resolve(sources) for name, value in config.query.items()}
    proxy = config.proxy.resolve(sources) if config.proxy is not None else None
    hidden = [name for name, value in config.query.items() if value.literal is None]
    secrets = [
        key,
        proxy,
        *(headers[name] for name, value in config.headers.items() if value.literal is None),
        *(query[name] for name in hidden),
    ]
    mask.add(secret for secret in secrets if secret is not None)
    given = {name: value.reveal() for name, value in headers.items()}
    given |= PLAIN if answer_limit is not None else {}
    if token_provider is None and not any(name.lower() == "authorization" for name in given):
        # Said outright, so that no Authorization of the environment stands in its place.
        given["Authorization"] = f"Bearer {key.reveal() if key is not None else _NO_KEY}"
    # The client sends what its own mapping says, also Omit, though it declares text only.
    unsent = cast("dict[str, str]", kept_from(config.base_url, given))
    client = openai.AsyncOpenAI(
        base_url=config.base_url,
        api_key=_key(key, token_provider, mask),
        default_headers=given | unsent,
        default_query={name: value.reveal() for name, value in query.items() if name not in hidden},
        timeout=config.timeout,
        max_retries=0,
        http_client=_http_client(config, proxy, {name: query[name] for name in hidden}, answer_limit),
    )
    mask.add(Secret(value) for value in sent_values(client))
    return client


def client_secrets(client: openai.AsyncOpenAI) -> list[Secret]:
    """What a client sends to prove who it is, as far as it can be known: for the mask."""
    given = {**client.default_headers, **client.default_query}
    named = [value for name, value in given.items() if _is_credential(name) and isinstance(value, str)]
    keys = [key for key in (client.api_key, client.admin_api_key) if key and key != _NO_KEY]
    return [Secret(value) for value in (*keys, *named, *sent_values(client))]


def _is_credential(name: str) -> bool:
    return name.lower() in _CREDENTIALS or looks_like_credential_name(name)


class _QuietURL(httpx2.URL):
    """A URL that shows no query: httpx2 logs the URL of each request."""

    def __str__(self) -> str:
        return str(httpx2.URL(self).copy_with(query=None))

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"


def _http_client(
    config: ModelConfig, proxy: Secret | None, hidden: Mapping[str, Secret], answer_limit: int | None
) -> Any:
    # HTTPS_PROXY and its relatives are for the way out, and would send this machine's own elsewhere.
    here = proxy is None and is_loopback(urlsplit(config.base_url).hostname or "")
    hooks: dict[str, list[Any]] = {"request": [], "response": []}
    limits = replace(openai.DEFAULT_CONNECTION_LIMITS, keepalive_expiry=_IDLE)
    settings: dict[str, Any] = {"follow_redirects": False, "trust_env": not here, "event_hooks": hooks}
    if answer_limit is not None:
        hooks["response"].append(AnswerSize(answer_limit))
    if hidden:

        async def add_query(request: httpx2.Request) -> None:
            query = {name: value.reveal() for name, value in hidden.items()}
            request.url = _QuietURL(request.url.copy_merge_params(query))

        hooks["request"].append(add_query)
    authorities = (
        ssl.create_default_context(cafile=str(config.ca_file)) if config.ca_file is not None else True
    )
    if proxy is not None:
        settings |= {"proxy": proxy.reveal(), "limits": limits, "verify": authorities}
    elif (
        not here and urllib.request.getproxies()
    ):  # with a transport of ours the client would not look for them
        settings |= {"limits": limits, "verify": authorities}
    else:
        # Reading the certificates takes 20 ms, which plain http has no use for.
        secure = authorities if config.base_url.lower().startswith("https:") else False
        settings["transport"] = SmallPools(_pool(limits, secure, trust_env=not here))
    return openai.DefaultAsyncHttpxClient(**settings)


def _pool(
    limits: httpx2.Limits, verify: ssl.SSLContext | bool, *, trust_env: bool
) -> Callable[[], httpx2.AsyncBaseTransport]:
    context = httpx2.create_ssl_context(verify=verify, trust_env=trust_env)  # read once, for all pools
    few = replace(limits, max_connections=CONNECTIONS)
    return lambda: httpx2.AsyncHTTPTransport(verify=context, trust_env=trust_env, limits=few)


def _key(
    key: Secret | None, provider: TokenProvider | None, mask: Mask
) -> str | Callable[[], Awaitable[str]]:
    if provider is None:
        return key.reveal() if key is not None else _NO_KEY

    async def token() -> str:
        # A synchronous provider may do network I/O, and the client calls nothing but coroutines.
        value: object = None
        failed = ""
        try:
            made = await asyncio.to_thread(provider)
            value = await made if inspect.isawaitable(made) else made
        except McpbridgeError:
            raise
        except Exception as error:  # noqa: BLE001 # boundary: the caller's code; its text may hold anything
            failed = f"raised {type(error).__name__}"
        if not failed and (not isinstance(value, str) or not value):
            failed = f"returned {type(value).__name__}; return text" if value != "" else "returned nothing"
        if failed:  # raised here, so that the failure's text does not become its context
            raise UsageError(f"token_provider {failed}; nothing was sent")
        mask.add([Secret(str(value))])
        return str(value)

    return token
