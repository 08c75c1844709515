"""Traps of tools: names that do not fit or stand twice, and schemas that strict mode cannot hold."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from agents.exceptions import UserError
from agents.strict_schema import ensure_strict_json_schema
from mcp import Client
from pytest_httpserver import HTTPServer
from werkzeug import Request

from mcpbridge import UsageError, tool
from mcpbridge.service.errors import ApiError
from mcpbridge.service.request.text_format import check_schema
from mcpbridge.testing import function_call, message, response
from tests.bridged.scene import Scene
from tests.mcp_servers.web import Answering, Web, said

FITS: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""A function's name (Responses API)."""
LONG: Final = "x" * 100
NAMES: Final = ("search.v2", "search_v2", f"{LONG}a", f"{LONG}b")


def named(*names: str) -> Answering:
    tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
    return lambda message, request: {"tools": tools}


@pytest.mark.promise("mcp-traps")
def test_names_do_not_fit_or_collide_naively_and_each_reaches_its_own_tool_here(
    site: HTTPServer, tmp_path: Path
) -> None:
    web, called = Web(site), list[str]()
    web.on["tools/list"] = named(*NAMES)

    def answering(asked: dict[str, Any], request: Request) -> Any:
        called.append(asked["params"]["name"])
        return said("found")

    web.on["tools/call"] = answering

    async def listed() -> list[str]:
        async with Client(web.url) as client:
            return [each.name for each in (await client.list_tools()).tools]

    plain = [f"docs__{name}" for name in asyncio.run(listed())]
    assert [bool(FITS.fullmatch(name)) for name in plain] == [False, True, False, False]
    cleaned = {re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] for name in plain}
    assert len(cleaned) == 2  # of four tools

    def all_of_them(request: Any) -> Any:
        offered[:] = [function["name"] for function in scene.model.raw_requests[-1].functions]
        return response(*(function_call(name, {}, call_id=f"c{n}") for n, name in enumerate(offered)))

    offered: list[str] = []
    servers = f'\n  - {{label: docs, via: bridge, url: "{web.url}"}}\n'
    scene = Scene(folder=tmp_path, boxes={}, steps=[all_of_them, response(message("told"))], servers=servers)
    scene.run("go")
    assert len(set(offered)) == 4
    assert all(FITS.fullmatch(name) for name in offered)
    assert sorted(called) == sorted(NAMES)


@pytest.mark.promise("mcp-traps")
def test_of_two_tools_of_one_name_the_wrong_server_is_called_naively_and_the_right_one_here(
    site: HTTPServer, other: Web, tmp_path: Path
) -> None:
    docs, evil = Web(site), other

    async def naively() -> None:
        async with AsyncExitStack() as stack:
            routes: dict[str, Client] = {}
            for web in (docs, evil):
                client = await stack.enter_async_context(Client(web.url))
                routes |= {each.name: client for each in (await client.list_tools()).tools}
            await routes["echo"].call_tool("echo", {"secret": "for docs"})

    asyncio.run(naively())
    assert [web.methods().count("tools/call") for web in (docs, evil)] == [0, 1]

    servers = "".join(
        f'\n  - {{label: {label}, via: bridge, url: "{web.url}"}}'
        for label, web in (("docs", docs), ("evil", evil))
    )
    steps = [response(function_call("docs__echo", {"secret": "for docs"})), response(message("told"))]
    scene = Scene(folder=tmp_path, boxes={}, steps=steps, servers=f"{servers}\n")
    scene.run("go")
    assert [web.methods().count("tools/call") for web in (docs, evil)] == [1, 1]

    @tool
    def docs__echo(text: str) -> str:
        """Echo."""
        return text

    twin = Scene(folder=tmp_path, boxes={}, servers=f"{servers}\n", tools=[docs__echo])
    with pytest.raises(UsageError, match="docs__echo"):
        twin.run("go")


MAP: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}},
    "required": ["labels"],
}
OPTIONAL: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer", "default": 10}},
    "required": ["query"],
}


@pytest.mark.promise("mcp-traps")
@pytest.mark.parametrize("schema", [MAP, OPTIONAL], ids=["a map", "an optional field with a default"])
def test_strict_mode_refuses_or_changes_a_schema_and_ours_passes_it_on_as_it_is(
    schema: dict[str, Any], site: HTTPServer, tmp_path: Path
) -> None:
    with pytest.raises(ApiError, match="is required to be supplied"):
        check_schema(schema, "function 'docs__find'", "tools[0].parameters", "invalid", strict=True)
    if schema is MAP:
        with pytest.raises(UserError):
            ensure_strict_json_schema(_copy(schema))
    else:
        forced = ensure_strict_json_schema(_copy(schema))
        assert forced["required"] == ["query", "limit"]  # the model has to make one up

    web, given = Web(site), list[Any]()
    web.on["tools/list"] = lambda message, request: {"tools": [{"name": "find", "inputSchema": schema}]}

    def answering(asked: dict[str, Any], request: Request) -> Any:
        given.append(asked["params"]["arguments"])
        return said("found")

    web.on["tools/call"] = answering
    arguments = {"labels": {"any": "thing"}} if schema is MAP else {"query": "mcp"}
    servers = f'\n  - {{label: docs, via: bridge, url: "{web.url}"}}\n'
    steps = [response(function_call("docs__find", arguments)), response(message("told"))]
    scene = Scene(folder=tmp_path, boxes={}, steps=steps, servers=servers)
    scene.run("go")
    [function] = scene.model.raw_requests[0].functions
    assert (function["strict"], function["parameters"]) == (False, schema)
    assert given == [arguments]


def _copy(schema: dict[str, Any]) -> dict[str, Any]:
    """`ensure_strict_json_schema` writes into what it is given."""
    return {**schema, "properties": {name: dict(one) for name, one in schema["properties"].items()}}
