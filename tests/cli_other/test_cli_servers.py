"""`mcpbridge servers list`."""

from __future__ import annotations

import json

import pytest

from mcpbridge.cli.main import main
from mcpbridge.config import shipped_names
from tests.cli_other.shared import TOKEN, WriteConfig


def test_the_list_shows_names_of_headers_and_never_values(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(
        "{label: docs, url: 'https://docs.example/mcp', description: The docs, "
        "allowed_tools: [search, read], "
        "headers: {X-Team: blue, Authorization: 'Bearer ${env:TRACKER_TOKEN}'}}",
        "{label: watched, url: 'https://w.example/mcp', observe: true, "
        "authorization: '${env:TRACKER_TOKEN}'}",
    )

    assert main(["servers", "list"]) == 0

    out = capsys.readouterr().out
    assert "docs  https://docs.example/mcp  (via hosted)" in out
    assert "headers  X-Team, Authorization" in out
    assert "tools    search, read" in out
    assert "OBSERVED" in out
    assert "authorization (a field of its own)" in out
    assert TOKEN not in out
    assert "blue" not in out


def test_the_list_as_json_has_one_object_a_server(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config("{label: docs, url: 'https://docs.example/mcp', headers: {X-Key: '${env:TRACKER_TOKEN}'}}")

    assert main(["servers", "list", "--json"]) == 0

    [server] = json.loads(capsys.readouterr().out)["servers"]
    assert (server["label"], server["headers"], server["allowed_tools"]) == ("docs", ["X-Key"], None)
    assert server["declared_at"] == "mcpbridge.yaml:4"


def test_the_list_says_when_nothing_is_declared(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config()

    assert main(["servers", "list"]) == 0
    assert capsys.readouterr().out == "No servers are declared.\n"


def test_the_shipped_declarations_are_listed_by_the_name_that_use_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["servers", "list", "--shipped"]) == 0
    out = capsys.readouterr().out
    assert main(["servers", "list", "--shipped", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["servers"]

    assert [server["label"] for server in found] == list(shipped_names("servers"))
    assert all(server["checked"] and server["source"] for server in found)
    assert "deepwiki  https://mcp.deepwiki.com/mcp" in out
    assert "write `- use: NAME`" in out


def test_a_configuration_with_problems_is_exit_2(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config("{label: docs}")

    assert main(["servers", "list"]) == 2
    assert "mcpbridge.yaml:4: " in capsys.readouterr().err


AUTO = "{label: docs, via: auto, url: 'https://docs.example/mcp'}"


@pytest.mark.parametrize(
    ("profile", "reached"),
    [
        ("openai", "via auto: hosted"),
        (
            "{extends: openai, approvals_honoured: false}",
            "via auto: bridged here, because the profile 'custom' does not say approvals_honoured",
        ),
    ],
)
def test_the_list_and_the_check_say_who_connects_where_that_is_left_open(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str], profile: str, reached: str
) -> None:
    config = write_config(AUTO)
    config.write_text(
        "model: {name: m, endpoint: 'https://models.example/v1', profile: " + profile + "}\n"
        "policy: ask-before-write\nservers:\n- " + AUTO + "\n"
    )

    assert main(["servers", "list"]) == 0
    assert f"docs  https://docs.example/mcp  ({reached})\n" in capsys.readouterr().out
    assert main(["servers", "list", "--json"]) == 0
    [server] = json.loads(capsys.readouterr().out)["servers"]
    assert server["bridged_because"] == reached.partition("because ")[2]
    assert main(["check"]) == 0
    assert f"docs  https://docs.example/mcp  all tools, {reached}\n" in capsys.readouterr().out


def test_the_list_shows_how_a_server_is_spoken_to_and_who_gets_its_token(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(
        "{label: old, via: bridge, url: 'https://old.example/sse', transport: sse, elicitation: refuse, "
        "oauth: {grant: client_credentials, client_id: n, client_secret: '${env:TRACKER_TOKEN}', "
        "issuer: 'https://login.example'}}",
        "{label: here, via: bridge, command: [server-of-files], protocol: legacy}",
        "{label: crm, url: 'https://crm.example/mcp', oauth: {}}",
    )

    assert main(["servers", "list"]) == 0
    out = capsys.readouterr().out
    assert main(["servers", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["servers"]

    assert out.splitlines() == [
        "old  https://old.example/sse  (via bridge)",
        "  tools    all that it lists",
        "  speaks   sse, protocol auto",
        "  asks     nobody (elicitation: refuse)",
        "  headers  Authorization (a token by oauth)",
        "  oauth    client_credentials at https://login.example",
        "here  stdio:server-of-files  (via bridge)",
        "  tools    all that it lists",
        "  speaks   standard input and output, protocol legacy",
        "  env      none",
        "crm  https://crm.example/mcp  (via hosted)",
        "  tools    all that it lists",
        "  headers  Authorization (a token by oauth)",
        "  oauth    authorization_code",
    ]
    assert TOKEN not in out
    assert [(one["transport"], one["protocol"], one["oauth"], one["elicitation"]) for one in listed] == [
        ("sse", "auto", "client_credentials", "refuse"),
        ("streamable-http", "legacy", None, "ask"),
        ("streamable-http", "auto", "authorization_code", "ask"),
    ]
