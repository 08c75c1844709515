"""`via: bridge` and `via: auto`: what is read, and what is refused with what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.config import Configuration, Connection, ServerDeclaration
from mcpbridge.config.declaration import DeclarationRefused

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

STDIO = (
    "servers:\n  - label: files\n    via: bridge\n    command: [npx, -y, files@1.2.3, ./data]\n"  # to line 6
)
WEB = "servers:\n  - label: docs\n    via: bridge\n    url: https://docs.example.com/mcp\n"  # to line 6


def test_a_program_is_read_with_its_variables_and_starts_in_the_folder_of_the_file(
    load: Load, folder: Path
) -> None:
    [server] = load(STDIO + '    env: {API_TOKEN: "${env:FILES_TOKEN}"}\n    idempotent: [read]\n').servers

    assert server.command == ("npx", "-y", "files@1.2.3", "./data")
    assert server.identity == "stdio:npx -y files@1.2.3 ./data"
    assert (list(server.connection.env), server.connection.idempotent) == (["API_TOKEN"], ("read",))
    assert server.connection.cwd == folder
    assert "FILES_TOKEN" not in repr(server) + repr(server.connection)


def test_everything_about_a_connection_is_read(load: Load) -> None:
    more = (
        "    transport: sse\n    protocol: legacy\n    connect_timeout: 5s\n    call_timeout: 2m\n"
        "    max_tools: 7\n    max_result: 1000\n    allow_private: [docs.example.com]\n"
        "    elicitation: refuse\n"
    )
    [server] = load(WEB + more).servers

    assert server.connection == Connection(
        transport="sse",
        protocol="legacy",
        connect_timeout=5.0,
        call_timeout=120.0,
        max_tools=7,
        max_result=1000,
        allow_private=("docs.example.com",),
        elicitation="refuse",
    )


def test_one_server_has_one_identity_whoever_connects(load: Load) -> None:
    [bridged] = load(WEB).servers
    [hosted] = load(WEB.replace("bridge", "hosted")).servers
    assert bridged.identity == hosted.identity


@pytest.mark.parametrize("via", ["bridge", "auto"])
def test_an_endpoint_that_asks_nobody_may_have_bridged_servers(via: str, load: Load) -> None:
    base = (
        "model: {name: m, endpoint: https://llm.example/v1, profile: {hosted_mcp: false}}\n"
        "policy: ./policy.yaml\n"
    )
    [server] = load(WEB.replace("bridge", via), base=base).servers
    assert server.via == via


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (STDIO + "    url: https://a.example\n", "6: servers[files].command: write url or command, not both"),
        (
            STDIO + '    headers: {A: "${env:A}"}\n',
            "7: servers[files].headers: a command has none; write env: {NAME: …}",
        ),
        (
            STDIO + "    transport: sse\n",
            "7: servers[files].transport: a command speaks over its standard input and output; remove "
            "transport",
        ),
        (
            STDIO.replace("[npx, -y, files@1.2.3, ./data]", 'npx -y "my files"'),
            "6: servers[files].command must be a list, not text; write [npx, -y, my files]",
        ),
        (
            STDIO.replace("[npx, -y, files@1.2.3, ./data]", "npx 1 true") + "    cwd: .\n    env: {A: b}\n",
            "6: servers[files].command must be a list, not text; write [npx, '1', 'true']",
        ),
        (
            STDIO.replace("[npx, -y, files@1.2.3, ./data]", "npx --token ghp_abcdefghijklmnop1234"),
            "6: servers[files].command must be a list, not text; write [PROGRAM, ARGUMENT]",
        ),
        (
            STDIO.replace("files@1.2.3", "7"),
            "6: servers[files].command is a list of texts; put this entry in quotes",
        ),
        (
            STDIO + "    cwd: /no/such/folder\n",
            "7: servers[files].cwd: there is no folder /no/such/folder; name one that is there",
        ),
        (WEB + "    cwd: data\n", "7: servers[docs].cwd: cwd is for a command; a url has none"),
        (
            WEB + "    transport: sse\n    protocol: 2026-07-28\n",
            "8: servers[docs].protocol: the sse transport knows the legacy protocol only; remove one of them",
        ),
        (
            WEB + "    observe: true\n",
            "7: servers[docs].observe: observe is for hosted servers; here an allow rule of a policy says "
            "what runs unasked",
        ),
        (
            WEB + "    defer_loading: true\n",
            "7: servers[docs].defer_loading: this is for hosted servers; remove it",
        ),
        (
            STDIO.replace("./data", '"${env:DATA}"'),
            "6: servers[files].command.3: a command line is readable to others and holds no ${…}; write env: "
            "{NAME: …}",
        ),
        (
            STDIO.replace("./data", "--api-key=abc"),
            "6: servers[files].command.3: a command line is readable to others, so no credential stands in "
            "it; write env: {NAME: …}",
        ),
        (
            STDIO.replace("./data", "postgresql://app:hunter2@db.example/prod"),
            "6: servers[files].command.3: a command line is readable to others, so no credential stands in "
            "it; write env: {NAME: …}",
        ),
        (
            STDIO.replace("./data", "'--header=Authorization: Bearer abcdefgh12345'"),
            "6: servers[files].command.3: a command line is readable to others, so no credential stands in "
            "it; write env: {NAME: …}",
        ),
        (
            STDIO.replace("./data", "ghp_abcdefghijklmnop1234"),
            "6: servers[files].command.3: a command line is readable to others, so no credential stands in "
            "it; write env: {NAME: …}",
        ),
        (
            STDIO.replace("./data", "--token, abc"),
            "6: servers[files].command.3: a command line is readable to others, so no credential stands in "
            "it; write env: {NAME: …}",
        ),
        (
            STDIO.replace("bridge", "auto"),
            "5: servers[files].via: a command can only be bridged; write via: bridge",
        ),
        (
            WEB.replace("docs\n", "d" * 33 + "\n"),
            f"4: servers[{'d' * 33}].label: at most 32 characters: it begins the names that a bridged "
            "server's tools have for the model",
        ),
        (
            WEB + "    idempotent: [a, a]\n",
            "7: servers[docs].idempotent.1: the tool 'a' stands twice; remove one",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_where_it_stands(
    text: str, problem: str, problems: Problems
) -> None:
    [found] = problems(text)
    assert found.replace("[3]", ".3").replace("[1]", ".1") == f"mcpbridge.yaml:{problem}"


def test_every_key_that_a_hosted_server_cannot_have_is_named_at_once(problems: Problems) -> None:
    hosted = WEB.replace("bridge", "hosted")
    more = "    offer: [prompts]\n    call_timeout: 2m\n    max_tools: 7\n    allowed_tools: []\n"
    why = "is for a server that mcpbridge connects to; write via: bridge"
    assert problems(hosted + more) == [
        f"mcpbridge.yaml:7: servers[docs].offer: offer {why}",
        f"mcpbridge.yaml:8: servers[docs].call_timeout: call_timeout {why}",
        f"mcpbridge.yaml:9: servers[docs].max_tools: max_tools {why}",
        "mcpbridge.yaml:10: servers[docs].allowed_tools: the list is empty; name tools, or remove the server",
    ]


def test_the_same_holds_in_python() -> None:
    with pytest.raises(DeclarationRefused, match="no provider can start a command; write via: bridge"):
        ServerDeclaration(label="files", command=("npx", "files"))
    with pytest.raises(DeclarationRefused, match="a connector is the provider's to connect to"):
        ServerDeclaration(label="mail", via="bridge", connector_id="connector_gmail")
    with pytest.raises(DeclarationRefused, match=r"write a list: \[npx, -y, PACKAGE@VERSION\]"):
        ServerDeclaration(label="files", via="bridge", command="npx files")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
