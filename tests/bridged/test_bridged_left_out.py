"""Tools that cannot be told apart, or shown: none of them is offered, and people are told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.audit.render import render_line
from mcpbridge.testing import message, response
from tests.bridged.scene import Scene
from tests.mcp_servers.web import Web

UNSEEN = "bad\x1b[31mname"
SHOWN = "bad\\u001b[31mname"


def scene(folder: Path, site: HTTPServer, names: Iterable[str], extra: str = "") -> Scene:
    """A turn without a call, with a server that lists these names."""
    web = Web(site)
    listed = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
    web.on["tools/list"] = lambda message, request: {"tools": listed}
    servers = f'\n  - {{label: w, via: bridge, url: "{web.url}"{extra}}}\n'
    return Scene(folder=folder, boxes={}, steps=[response(message("ok"))], servers=servers)


@pytest.mark.promise("bridged-left-out")
def test_a_name_that_stands_twice_or_cannot_be_seen_is_a_notice_and_on_record(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    one = scene(tmp_path, httpserver, ["good", "dup", "dup", UNSEEN])

    result = one.run("go")

    assert [(notice.type, notice.message) for notice in result.notices] == [
        ("tool_left_out", "w.dup is not offered to the model: the server lists it twice"),
        (
            "tool_left_out",
            f"w.{SHOWN} is not offered to the model: its name holds characters that cannot be seen",
        ),
    ]
    [listed] = one.records("tools_listed")
    assert list(listed["tools"]) == ["good"]
    assert listed["refused"] == [
        "w.dup: not used, the server lists it twice",
        f"w.{SHOWN}: not used, its name holds characters that cannot be seen",
    ]
    assert "left_out" not in listed
    line = render_line(listed)
    assert 'refused=["w.dup: not used, the server lists it twice", ' in line
    assert line.isprintable()


def test_what_is_not_among_the_allowed_tools_is_on_record_only(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    one = scene(tmp_path, httpserver, ["good", "dup", "dup", "two", "two"], ", allowed_tools: [good, two]")

    result = one.run("go")

    assert [notice.fields["tool"] for notice in result.notices] == ["two"]
    assert len(one.records("tools_listed")[0]["refused"]) == 2


@pytest.mark.promise("bridged-left-out")
def test_a_server_that_lists_hundreds_of_such_names_fills_no_screen(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    one = scene(tmp_path, httpserver, [f"dup{number // 2}" for number in range(600)])

    result = one.run("go")

    assert len(result.notices) == 21
    assert result.notices[-1].message == (
        "not offered either: 280 more of w; the record of its listing says which, and why"
    )
    assert len(one.records("tools_listed")[0]["refused"]) == 300
