"""Credentials on their way to a provider: those that fail, and where they could show."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from mcpbridge import (
    McpbridgeError,
    ServerDeclaration,
    UsageError,
)
from mcpbridge.adapters.clients import client_secrets
from mcpbridge.core.secret import MASK, Secret
from tests.wire.hostile import TOKEN, Hostile, message, response, shown


def failing() -> str:
    raise RuntimeError(f"refresh failed for Bearer {TOKEN}")


async def failing_later() -> str:
    return failing()


@pytest.mark.parametrize("credential", [failing, failing_later])
def test_a_credential_callable_that_fails_is_named_and_not_quoted(
    credential: Callable[[], Any], hostile: Hostile
) -> None:
    async def whole() -> None:
        async with hostile.bridge() as bridge:
            headers = {"Authorization": credential}
            await bridge.register(ServerDeclaration(label="d", url="https://d.test/mcp", headers=headers))
            await bridge.run("hi")

    with pytest.raises(
        UsageError, match=r"d: headers\.Authorization: the callable raised RuntimeError"
    ) as caught:
        asyncio.run(whole())
    assert TOKEN not in shown(caught.value)
    assert hostile.posts == []


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (failing, "raised RuntimeError"),
        (failing_later, "raised RuntimeError"),
        (lambda: 7, "returned int"),
        (lambda: "", "returned nothing"),
    ],
)
def test_a_token_provider_that_fails_is_a_typed_error(
    provider: Callable[[], Any], words: str, hostile: Hostile
) -> None:
    with pytest.raises(McpbridgeError, match=f"token_provider {words}") as caught:
        hostile.talk(token_provider=provider)
    assert TOKEN not in shown(caught.value)
    assert hostile.posts == []


def test_a_credential_that_cannot_be_a_header_is_in_no_frame(hostile: Hostile) -> None:
    hostile.env["TOK"] = f"{TOKEN}\n"

    with pytest.raises(McpbridgeError, match="line break") as caught:
        hostile.talk()
    assert TOKEN not in shown(caught.value).replace(repr(hostile.env), "")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that anybody logs, at debug level."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    handler.addFilter(lambda record: record.name != "werkzeug")  # the test's own server
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_credential_in_the_query_is_sent_and_not_logged(hostile: Hostile, logged: io.StringIO) -> None:
    hostile.env["Q"] = "query canary&123456"
    hostile.model_extra = ', query: {api-version: preview, api-key: "${env:Q}"}'
    hostile.answers(response(message("hello")))

    assert hostile.talk()[0] == "hello"

    [(request, _response)] = hostile.server.log
    assert dict(request.args) == {"api-version": "preview", "api-key": "query canary&123456"}
    assert "HTTP Request: POST" in logged.getvalue()
    assert "canary" not in logged.getvalue()


@pytest.mark.parametrize("kind", ["text", "callable"])
def test_the_key_of_a_client_of_the_callers_is_masked(kind: str, hostile: Hostile) -> None:
    async def key() -> str:
        return "sk-own-canary-123"

    client = openai.AsyncOpenAI(
        base_url=hostile.url,
        api_key=key if kind == "callable" else "sk-own-canary-123",
        default_headers={"X-Gateway-Token": "gateway-canary-1"},
    )
    hostile.answers(response(message("you are sk-own-canary-123 gateway-canary-1")))

    text, state = hostile.talk(client=client)

    assert text == f"you are {MASK} {MASK}"
    assert "canary-1" not in state
    assert Secret("gateway-canary-1") in client_secrets(client)
