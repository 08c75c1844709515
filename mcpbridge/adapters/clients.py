"""The AsyncOpenAI client of a configuration: OpenAI, Azure (`/openai/v1/`) and any base URL.

Azure's v1 endpoint speaks the same protocol and needs no api-version (WIRE §8), so one class serves all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import openai

from mcpbridge.config import ModelConfig, SecretSources
from mcpbridge.config.urls import is_loopback
from mcpbridge.core.secret import Mask, Secret

TokenProvider = Callable[[], str | Awaitable[str]]
"""Gives an access token for each request, as azure-identity's `get_bearer_token_provider` does."""

_NO_KEY = "local-key"
"""The client insists on a key. Endpoints without one ignore it; it is the local service's default."""


def make_client(
    config: ModelConfig, sources: SecretSources, mask: Mask, *, token_provider: TokenProvider | None = None
) -> openai.AsyncOpenAI:
    """A client with the configured address, credential, headers, proxy and CA file; no retries of its own.

    Raises MissingSecret where a referenced credential is not there.
    """
    key = None if token_provider is not None or config.api_key is None else config.api_key.resolve(sources)
    headers = {name: value.resolve(sources) for name, value in config.headers.items()}
    query = {name: value.resolve(sources) for name, value in config.query.items()}
    proxy = config.proxy.resolve(sources) if config.proxy is not None else None
    secrets = [
        key,
        proxy,
        *(headers[name] for name, value in config.headers.items() if value.literal is None),
    ]
    secrets += [query[name] for name, value in config.query.items() if value.literal is None]
    mask.add(secret for secret in secrets if secret is not None)
    return openai.AsyncOpenAI(
        base_url=config.base_url,
        api_key=_key(key, token_provider, mask),
        default_headers={name: value.reveal() for name, value in headers.items()},
        default_query={name: value.reveal() for name, value in query.items()},
        timeout=config.timeout,
        max_retries=0,
        http_client=_http_client(config, proxy),
    )


def _http_client(config: ModelConfig, proxy: Secret | None) -> Any:
    # HTTPS_PROXY and its relatives are for the way out, and would send this machine's own elsewhere.
    here = proxy is None and is_loopback(urlsplit(config.base_url).hostname or "")
    if proxy is None and config.ca_file is None and not here:
        return None
    settings: dict[str, Any] = {"follow_redirects": False, "trust_env": not here}
    if proxy is not None:
        settings["proxy"] = proxy.reveal()
    if config.ca_file is not None:
        settings["verify"] = ssl.create_default_context(cafile=str(config.ca_file))
    return openai.DefaultAsyncHttpxClient(**settings)


def _key(
    key: Secret | None, provider: TokenProvider | None, mask: Mask
) -> str | Callable[[], Awaitable[str]]:
    if provider is None:
        return key.reveal() if key is not None else _NO_KEY

    async def token() -> str:
        # A synchronous provider may do network I/O, and the client calls nothing but coroutines.
        made = await asyncio.to_thread(provider)
        value = made if isinstance(made, str) else await made
        mask.add([Secret(value)])
        return value

    return token
