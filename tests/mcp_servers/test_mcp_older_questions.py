"""A server on the official SDK that asks in the middle of a call, as the SDK's own examples do it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.adapters.mcp_servers.settings import HttpAddress, StdioCommand
from mcpbridge.core.secret import Secret
from mcpbridge.ports import Elicited, ToolAnswer
from tests.mcp_servers.scene import Person, call, toolbox
from tests.mcp_servers.web import Web

ASKING = """
from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

server = MCPServer("diary")


class Day(BaseModel):
    day: str


@server.tool()
async def book(ctx: Context) -> str:
    said = await ctx.elicit("Which day?", Day)
    return f"{said.action} {said.data.day if said.action == 'accept' else ''}"


server.run("stdio")
"""
HINT = "it asks as in the older protocol; write `protocol: legacy` in the server's declaration"
WORDS = "Cannot send 'elicitation/create': this transport context has no back-channel for it."


def booked(folder: Path, protocol: Any) -> tuple[ToolAnswer, Person]:
    program = folder / "diary.py"
    program.write_text(ASKING, encoding="utf-8")
    person = Person(answer=Elicited(action="accept", content={"day": "Friday"}))

    async def environment() -> dict[str, Secret]:
        return {}

    async def story() -> ToolAnswer:
        command = StdioCommand(command=(sys.executable, str(program)), environment=environment)
        async with toolbox(command, protocol=protocol) as box:
            return await call(box, "book", observer=person)

    return asyncio.run(story()), person


def answered(site: HTTPServer, *, modern: bool, failed: bool) -> str:
    web = Web(site, modern=modern)
    content = [{"type": "text", "text": WORDS}]
    web.on["tools/call"] = lambda message, request: {"content": content, "isError": failed}

    async def story() -> str:
        async with toolbox(HttpAddress(url=web.url)) as box:
            return str((await call(box, "echo")).parts)

    return asyncio.run(story())


def test_a_question_that_the_newer_protocol_cannot_carry_names_the_way_that_can(tmp_path: Path) -> None:
    failed, person = booked(tmp_path, "auto")

    assert failed.is_error == "protocol"
    assert str(failed.parts).startswith(f"[mcpbridge: srv: book failed: {HINT}; it says: Cannot send 'elicit")
    assert person.asked == []


def test_over_the_older_protocol_the_same_server_asks(tmp_path: Path) -> None:
    done, person = booked(tmp_path, "legacy")

    assert done.parts == "accept Friday"
    assert [question.message for question in person.asked] == ["Which day?"]


def test_a_tool_that_tells_the_failure_in_its_result_has_the_hint_before_it(site: HTTPServer) -> None:
    assert answered(site, modern=True, failed=True) == f"[mcpbridge: {HINT}]\n{WORDS}"


@pytest.mark.parametrize(("modern", "failed"), [(True, False), (False, True)])
def test_the_same_words_of_a_call_that_worked_or_of_an_older_connection_say_nothing(
    modern: bool, failed: bool, site: HTTPServer
) -> None:
    assert answered(site, modern=modern, failed=failed) == WORDS
