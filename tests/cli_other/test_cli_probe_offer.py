"""`servers probe` and `pin` show what a run would offer, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.cli.main import main
from tests.cli_other.shared import WriteConfig
from tests.mcp_servers.web import Web

PLAIN: Mapping[str, Any] = {"type": "object"}
ELSEWHERE = {"type": "object", "properties": {"a": {"$ref": "https://schemas.example/a.json"}}}
NONE = {"type": "object", "properties": {"a": {"type": "nothing-known"}}}


def listing(httpserver: HTTPServer, *tools: tuple[str, Mapping[str, Any]]) -> Web:
    """A server with these tools, each (name, input schema)."""
    web = Web(httpserver)
    listed = [{"name": name, "inputSchema": schema} for name, schema in tools]
    web.on["tools/list"] = lambda message, request: {"tools": listed}
    return web


def probed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    main(["servers", "probe", "--json"])
    [found] = json.loads(capsys.readouterr().out)["servers"]
    return dict(found)


@pytest.mark.promise("bridged-probe-offer")
def test_more_tools_than_max_tools_fail_the_probe_and_are_not_pinned(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    web = listing(httpserver, *((f"t{number}", PLAIN) for number in range(4)))
    path = write_config(f"{{label: cap, via: bridge, url: '{web.url}', max_tools: 3}}")

    code = main(["servers", "probe"])
    shown = capsys.readouterr().out
    found = probed(capsys)
    pinned = main(["pin"])
    written = capsys.readouterr()

    assert code == 1
    assert "FAILED   cap lists 4 tools, more than max_tools (3); name those that are needed" in shown
    assert all(f"    t{number} " in shown for number in range(4))  # to choose among
    assert "tokens in each request" not in shown
    assert (found["ok"], len(found["tools"]), found["tokens"]) == (False, 4, 0)
    assert pinned == 1
    assert "more than max_tools (3)" in written.err
    assert not (path.parent / "tools.lock").exists()


@pytest.mark.promise("bridged-probe-offer")
def test_tools_that_a_run_leaves_out_are_left_out_of_the_probe_and_of_the_lock_and_told(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    web = listing(
        httpserver,
        ("good", PLAIN),
        ("elsewhere", ELSEWHERE),
        ("none", NONE),
        ("dup", PLAIN),
        ("dup", PLAIN),
        ("bad\x1b[31mname", PLAIN),
    )
    path = write_config(f"{{label: w, via: bridge, url: '{web.url}'}}")

    code = main(["servers", "probe"])
    shown = capsys.readouterr().out
    found = probed(capsys)
    pinned = main(["pin"])
    written = capsys.readouterr()

    assert (code, pinned) == (0, 0)
    assert "  1 tools, 1 allowed" in shown
    assert "  LEFT OUT elsewhere: " in shown
    assert "  LEFT OUT none: " in shown
    assert "  LEFT OUT dup: the server lists it twice" in shown
    assert "  LEFT OUT bad\\u001b[31mname: its name holds characters that cannot be seen" in shown
    assert "\x1b" not in shown + written.out + written.err
    assert [tool["name"] for tool in found["tools"]] == ["good"]
    assert set(found["left_out"]) == {"elsewhere", "none", "dup", "bad\\u001b[31mname"}
    lock = json.loads((path.parent / "tools.lock").read_text())
    assert list(lock["servers"]["w"]["tools"]) == ["good"]
    assert (
        "w.dup is not pinned, since it is not offered to the model: the server lists it twice" in written.err
    )
    assert main(["pin", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["left_out"]["w"] == found["left_out"]


def test_a_tool_in_allowed_tools_that_cannot_be_used_is_not_called_missing(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    web = listing(httpserver, ("dup", PLAIN), ("dup", PLAIN), ("none", NONE), ("twin", NONE))
    write_config(f"{{label: w, via: bridge, url: '{web.url}', allowed_tools: [dup, none, gone]}}")

    found = probed(capsys)

    assert found["missing"] == ["gone"]
    assert set(found["left_out"]) == {"dup", "none"}  # `twin` is nobody's wish
    assert [(tool["name"], tool["allowed"]) for tool in found["tools"]] == [("twin", False)]
