"""A function call as it is on the wire: which tool it is, is told as the live gate would, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.core.function_names import function_name

from .shared import TOOLS, run, run_json

LONG = "transfer_" + "x" * 90
SERVERS = """
  - {label: bank, via: bridge, url: "https://bank.example/mcp"}
  - {label: docs, url: "https://docs.example/mcp"}
"""
AUTO = '\n  - {label: bank, via: auto, url: "https://bank.example/mcp"}\n'


def called(folder: Path, name: str, *, config: str | None = SERVERS, profile: str = "local") -> None:
    """A function call in a file, and a configuration beside it."""
    item = {"type": "function_call", "call_id": "call_1", "name": name, "arguments": "{}"}
    (folder / "call.json").write_text(json.dumps(item))
    if config is not None:
        (folder / "c.yaml").write_text(
            f'model: {{name: m, endpoint: "https://models.example/v1", profile: {profile}}}\n'
            f"servers:{config}policy: ./policy.yaml\n"
        )


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code, explanation = run_json(capsys, "explain", "call.json", *words)
    assert code == 0
    return explanation["tool"]


@pytest.mark.promise("explain-functions")
@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("bank__close", "bank.close"),  # as a bridged server's tool is called
        ("docs__close", "local.docs__close"),  # a hosted server's tools are never functions
        ("close", "local.close"),
        ("other__close", "local.other__close"),
    ],
)
def test_a_function_is_read_by_what_the_configuration_declares(
    name: str, tool: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(here, name)

    assert explained(capsys, "-c", "c.yaml") == tool


@pytest.mark.promise("explain-functions")
def test_the_rules_of_the_bridged_tool_decide(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(here, "bank__close")

    assert run("explain", "call.json", "-c", "c.yaml") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bank.close: DENY (policy_deny)"
    assert "Accounts are closed at the counter." in lines[1]


@pytest.mark.parametrize(
    ("profile", "tool"),
    [
        ("local", "local.bank__pay"),
        ("{extends: local, approvals_honoured: false}", "bank.pay"),
    ],
    ids=["approvals are honoured", "they are not"],
)
def test_with_via_auto_the_endpoint_s_profile_says_who_connects(
    profile: str, tool: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(here, "bank__pay", config=AUTO, profile=profile)

    assert explained(capsys, "-c", "c.yaml") == tool


def test_the_configuration_of_this_folder_is_asked_where_its_policies_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(here, "bank__close")
    (here / "c.yaml").rename(here / "mcpbridge.yaml")

    assert explained(capsys) == "bank.close"


@pytest.mark.promise("explain-functions")
def test_without_a_configuration_a_list_of_its_tools_says_that_the_server_is_bridged(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(here, "bank__close", config=None)
    (here / "bank.json").write_text(json.dumps(TOOLS))

    words = ("--policy", "policy.yaml", "--tools", "bank=bank.json")
    assert explained(capsys, *words) == "bank.close"


@pytest.mark.promise("explain-functions")
def test_where_nobody_said_it_nothing_is_guessed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(here, "bank__close", config=None)

    assert run("explain", "call.json", "--policy", "policy.yaml") == 2
    assert capsys.readouterr().err == (
        "mcpbridge: call.json: 'bank__close' is the tool 'close' of a bridged server 'bank', or a Python "
        "function of that name; say which: give the configuration (-c FILE), or write the call as "
        '{"tool": "bank.close", …} or {"tool": "local.bank__close", …}\n'
    )


def test_a_shortened_name_is_looked_up_among_the_tools_that_are_listed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(here, function_name("bank", LONG))
    (here / "bank.json").write_text(json.dumps([{"name": LONG, "inputSchema": {"type": "object"}}]))

    assert run("explain", "call.json", "-c", "c.yaml") == 2
    assert "does not say which tool of 'bank' it stands for; list them (--tools bank=FILE)" in (
        capsys.readouterr().err
    )
    assert explained(capsys, "-c", "c.yaml", "--tools", "bank=bank.json") == f"bank.{LONG}"


def test_a_case_that_names_a_function_is_told_what_to_write(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "cases.yaml").write_text(
        "version: 1\ncases: [{name: one, tool: bank__close, arguments: {}, expect: deny}]\n"
    )

    assert run("test", "policy.yaml", "--cases", "cases.yaml") == 2
    assert (
        "write `bank.close` for the tool of a bridged server, or `local.bank__close` for a Python function\n"
        in capsys.readouterr().err
    )
