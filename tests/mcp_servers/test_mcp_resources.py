"""Resources and prompts, from Python."""

from __future__ import annotations

import asyncio

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.adapters.mcp_servers.settings import HttpAddress
from mcpbridge.errors import ServerUnavailable
from tests.mcp_servers.scene import toolbox
from tests.mcp_servers.web import Web, error


def offering(site: HTTPServer) -> Web:
    web = Web(site)
    web.on["initialize"] = lambda message, request: {
        "protocolVersion": "2025-11-25",
        "capabilities": {"resources": {}, "prompts": {}},
        "serverInfo": {"name": "web", "version": "1"},
    }
    return web


def test_resources_are_listed_and_read_as_content_parts(site: HTTPServer) -> None:
    web = offering(site)
    listed = {"uri": "demo://a", "name": "a", "mimeType": "text/plain"}
    web.on["resources/list"] = lambda message, request: {"resources": [listed]}
    web.on["resources/read"] = lambda message, request: {
        "contents": [
            {"uri": "demo://a", "text": "inside"},
            {"uri": "demo://a/b.png", "mimeType": "image/png", "blob": "iVBORw0KGgo="},
        ]
    }

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            assert (await box.tools()).tools == ()
            assert await box.resources() == (listed,)
            assert await box.read("demo://a") == [
                {"type": "input_text", "text": "inside"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
            ]

    asyncio.run(story())


def test_prompts_are_listed_and_filled_in(site: HTTPServer) -> None:
    web = offering(site)
    listed = {"name": "greet", "arguments": [{"name": "who", "required": True}]}
    web.on["prompts/list"] = lambda message, request: {"prompts": [listed]}
    web.on["prompts/get"] = lambda message, request: {
        "messages": [
            {
                "role": "user",
                "content": {"type": "text", "text": f"Hello {message['params']['arguments']['who']}"},
            }
        ]
    }

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            assert await box.prompts() == (listed,)
            assert await box.prompt("greet", {"who": "Ada"}) == (("user", "Hello Ada"),)

    asyncio.run(story())


def test_what_a_server_does_not_offer_is_an_empty_list_and_its_refusal_an_error_of_its_name(
    site: HTTPServer,
) -> None:
    web = Web(site)
    web.on["resources/read"] = lambda message, request: error(message, -32002, "no \x1bsuch thing")

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            assert await box.resources() == ()
            assert await box.prompts() == ()
            with pytest.raises(ServerUnavailable, match=r"srv: no \\u001bsuch thing"):
                await box.read("demo://nothing")

    asyncio.run(story())
