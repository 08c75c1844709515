"""The Model Context Protocol Inspector as a client: what a stranger's tool sees of the gateway."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from mcpbridge.service.loopback import in_thread
from tests.gateway.scene import TOKEN, configured, effects, gateway, over_http, records
from tests.mcp_servers.packages import NODE_22, node_22, npm, once

pytestmark = pytest.mark.node

ROOT: Final = Path(__file__).parents[2]
INSPECTOR: Final = "@modelcontextprotocol/inspector@2.12.0"
Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="session")
def inspector(shared: Path) -> list[str]:
    """The command that runs it without a browser."""
    modules = once("inspector", shared, lambda folder: npm(folder, INSPECTOR, NODE_22))
    program = modules / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
    return [node_22(modules), str(program), "--cli"]


def asked(inspector: list[str], home: Path, target: list[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Its exit code, and what the server answered."""
    environment: Mapping[str, str] = {
        **os.environ,
        "HOME": str(home),
        "MCP_CATALOG_PATH": str(home / "mcp.json"),
    }
    done = subprocess.run(
        [*inspector, *words, *target],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.stdout, done.stderr[-2_000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def looks_around(ask: Ask, folder: Path, principal: str) -> None:
    """Lists, and makes a call that is allowed and two that are not."""
    code, listed = ask("--method", "tools/list")
    assert code == 0
    assert [tool["name"] for tool in listed["tools"]][:2] == ["shop__book", "shop__burn"]
    call = partial(ask, "--method", "tools/call", "--tool-name")
    code, done = call("shop__book", "--tool-arg", "key=a")
    assert (code, done["content"][0]["text"]) == (0, "booked a")
    code, refused = call("shop__book", "--tool-arg", "key=forbidden")
    assert code != 0
    assert refused["isError"] is True
    assert "The call was denied and did not run. Reason: not that one" in refused["content"][0]["text"]
    code, unasked = call("shop__burn", "--tool-arg", "key=b")
    assert code != 0
    assert unasked["isError"] is True
    assert effects(folder) == ["a"]
    decisions = records(folder, "decision")
    assert [(one["tool"], one["outcome"]) for one in decisions] == [
        ("book", "policy_allow"), ("book", "policy_deny"), ("burn", "no_approver"),
    ]  # fmt: skip
    assert {one["principal"] for one in decisions} == {principal}
    assert [one["status"] for one in records(folder, "outcome")] == ["completed"]


@pytest.mark.promise("gateway-inspector")
def test_the_inspector_works_over_standard_input_and_output(inspector: list[str], tmp_path: Path) -> None:
    configured(tmp_path, principal="ana")
    own = gateway(tmp_path)
    target = ["-e", f"PYTHONPATH={ROOT}", "--", own.command, *own.args]
    looks_around(partial(asked, inspector, tmp_path, target), tmp_path, "ana")


@pytest.mark.promise("gateway-inspector")
def test_the_inspector_works_over_http_with_its_token(inspector: list[str], tmp_path: Path) -> None:
    configured(tmp_path)
    with in_thread(partial(over_http, tmp_path, "--client", "editor=EDITOR_TOKEN")) as url:
        target = ["--transport", "http", "--header", f"Authorization: Bearer {TOKEN}", "--", url]
        looks_around(partial(asked, inspector, tmp_path, target), tmp_path, "editor")
        refused = ["--transport", "http", "--header", "Authorization: Bearer guess", "--", url]
        words = [*inspector, "--method", "tools/list", *refused]
        done = subprocess.run(
            words, cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True,
            timeout=120, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode != 0
        assert "shop__book" not in done.stdout
