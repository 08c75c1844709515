"""`servers:`: full declarations, shipped ones, files; each refusal with its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.config import Configuration, SecretSources, shipped_names
from mcpbridge.config.keys import DECLARATION
from mcpbridge.config.template import SecretTemplate
from mcpbridge.errors import MissingSecret

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

HEAD = "servers:\n  - label: docs\n"  # lines 3 and 4
URL = "    url: https://docs.example.com/mcp\n"  # line 5


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            "    description: x\n",
            "4: servers[docs]: a server needs a url (or a command, a connector_id, or a tunnel_id)",
        ),
        (
            "    url: http://docs.example.com\n",
            "5: servers[docs].url: http is readable on the way; write https://, or allow_http: true "
            "beside it",
        ),
        (
            "    url: https://u:canary@docs.example.com\n",
            "5: servers[docs].url: a URL holds no user or password; write headers: {Authorization: …}",
        ),
        (
            "    url: https://docs.example.com/#top\n",
            "5: servers[docs].url: remove the # and what follows it; it is never sent",
        ),
        (
            "    url: https://docs.example.com/?exaApiKey=canary\n",
            "5: servers[docs].url: a URL holds no credential (its query names one); write headers: "
            "{Authorization: …}",
        ),
        (
            '    url: "https://docs.example.com/${env:PART}"\n',
            "5: servers[docs].url: a URL holds no ${…}: it names the server in rules and in the log; put "
            "credentials into headers",
        ),
        ("    url: docs.example.com\n", "5: servers[docs].url: write a whole URL that begins with https://"),
        (
            "    url: https://docs.example.com:port\n",
            "5: servers[docs].url: write a whole URL that begins with https://",
        ),
        (
            "    url: https://dócs.example.com\n",
            "5: servers[docs].url: a URL holds no spaces, controls or characters outside ASCII; "
            "write it percent-encoded",
        ),
        ("    url: 5\n", "5: servers[docs].url must be text, not a number; put it in quotes"),
        (
            "    connector_id: a b\n",
            "5: servers[docs].connector_id: an id is letters, digits and _ . : - only",
        ),
        (
            URL + "    connector_id: connector_gmail\n",
            "6: servers[docs].connector_id: write url or connector_id, not both",
        ),
        (URL + "    tunnel_id: t1\n", "6: servers[docs].tunnel_id: write url or tunnel_id, not both"),
        (
            "    command: [npx, -y, x]\n",
            "5: servers[docs].command: no provider can start a command; write via: bridge",
        ),
        (
            URL + "    max_tools: 5\n",
            "6: servers[docs].max_tools: max_tools is for a server that mcpbridge connects to; write "
            "via: bridge",
        ),
        (URL + "    via: hosed\n", "6: servers[docs].via cannot be 'hosed'; did you mean 'hosted'?"),
        (
            URL + "    alowed_tools: [a]\n",
            "6: servers[docs].alowed_tools is not a key mcpbridge knows; did you mean 'allowed_tools'?",
        ),
        (
            URL + "    headers: {Authorization: Bearer canary-value}\n",
            "6: servers[docs].headers.Authorization: a credential does not stand in a file; "
            "write ${env:NAME} in place of it",
        ),
        (
            URL + "    headers:\n      X-Other: ghp_canary0000\n",
            "7: servers[docs].headers.X-Other: a credential does not stand in a file; "
            "write ${env:NAME} in place of it",
        ),
        (
            URL + "    authorization: canary-value\n",
            "6: servers[docs].authorization: a credential does not stand in a file; write ${env:NAME}",
        ),
        (
            URL + "    headers: {authorization: '${env:A}'}\n    authorization: ${env:A}\n",
            "7: servers[docs].authorization: the credential stands in headers.authorization too; "
            "remove one of them",
        ),
        (
            URL + "    authorization: Bearer ${env:A}\n",
            "6: servers[docs].authorization: write the token alone; Bearer is added where it is needed",
        ),
        (
            URL + "    headers: {Authorization: 'Basic ${env:A}'}\n    authorization_in: field\n",
            "7: servers[docs].authorization_in: the field carries a Bearer token only; write "
            "authorization_in: header",
        ),
        (
            URL + "    authorization_in: body\n",
            "6: servers[docs].authorization_in cannot be 'body'; write one of: field, header",
        ),
        (
            URL + '    headers: {X-A: "a\\r\\nX-B: canary"}\n',
            "6: servers[docs].headers.X-A must be one line without control characters",
        ),
        (
            URL + '    headers: {X-A: " a"}\n',
            "6: servers[docs].headers.X-A: a header's value begins and ends without spaces",
        ),
        (
            URL + '    headers: {"X A": a}\n',
            "6: servers[docs].headers.X A: a header's name is letters, digits and - only",
        ),
        (
            URL + "    headers: {X-A: a, x-a: b}\n",
            "6: servers[docs].headers.x-a: the header x-a stands twice (case does not count); remove one",
        ),
        (URL + "    headers: [X-A]\n", "6: servers[docs].headers must be a mapping, not a list"),
        (
            URL + "    headers: {X-A: true}\n",
            "6: servers[docs].headers.X-A must be text, not true or false; put it in quotes",
        ),
        (
            URL + "    headers: {X-A: '${DOCS_TOKEN}'}\n",
            "6: servers[docs].headers.X-A: ${…} must say where the value is kept: write ${env:DOCS_TOKEN}",
        ),
        (
            URL + "    allowed_tools: []\n",
            "6: servers[docs].allowed_tools: the list is empty; name tools, or remove the server",
        ),
        (
            URL + "    allowed_tools:\n      - a\n      - b\n      - a\n",
            "9: servers[docs].allowed_tools[2]: the tool 'a' stands twice; remove one",
        ),
        (
            URL + "    allowed_tools:\n      - a\n      - 3\n",
            "8: servers[docs].allowed_tools is a list of texts; put this entry in quotes",
        ),
        (
            URL + '    allowed_tools: ["a\\e[2J"]\n',
            "6: servers[docs].allowed_tools[0]: a tool's name is not empty and holds no control characters",
        ),
        (URL + "    observe: please\n", "6: servers[docs].observe must be true or false, not text"),
        (
            URL + "    on_unavailable: retry\n",
            "6: servers[docs].on_unavailable cannot be 'retry'; write one of: continue, stop",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_where_it_stands(problems: Problems, body: str, problem: str) -> None:
    found = problems(HEAD + body)
    assert found == [f"mcpbridge.yaml:{problem}"]
    assert "canary" not in "".join(found)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            "{url: https://a.example}",
            "4: servers[0].label is missing; write a label of letters, digits and -",
        ),
        (
            "{label: a.b, url: https://a.example}",
            "4: servers[0].label: a label is 1 to 64 letters, digits and -",
        ),
        (
            "{label: local, url: https://a.example}",
            "4: servers[local].label: 'local' is reserved for Python functions; write another label",
        ),
        ("github", "4: each entry of servers is a mapping; write `use: NAME`, or label: and url:"),
        ("{use: 3}", "4: servers[0].use must be text, not a number; put it in quotes"),
        (
            "{use: githb}",
            "4: use: no server declaration named 'githb' comes with mcpbridge; did you mean 'github'? "
            "A file of your own is written as ./githb.yaml",
        ),
    ],
)
def test_a_wrong_entry_is_refused_where_it_stands(problems: Problems, entry: str, problem: str) -> None:
    assert problems(f"servers:\n  - {entry}\n") == [f"mcpbridge.yaml:{problem}"]


def test_a_label_is_used_once(problems: Problems) -> None:
    text = HEAD + URL + "  - use: github\n  - label: docs\n    url: https://other.example\n"
    assert problems(text) == [
        "mcpbridge.yaml:7: the label 'docs' is taken by mcpbridge.yaml:4; write another label"
    ]


@pytest.mark.parametrize("name", shipped_names("servers"))
def test_every_shipped_declaration_loads_and_says_where_it_was_read(load: Load, name: str) -> None:
    (server,) = load(f"servers:\n  - use: {name}\n").servers
    assert server.label == name
    assert server.source.startswith("https://")
    assert server.checked.startswith("20")
    assert server.origin == "mcpbridge.yaml:4"
    assert not server.observe


def test_there_are_a_dozen_shipped_declarations() -> None:
    assert len(shipped_names("servers")) >= 12


def test_keys_of_the_entry_replace_those_of_the_shipped_declaration_whole(load: Load) -> None:
    text = (
        "servers:\n  - use: github\n    label: code\n    allowed_tools: [issue_write]\n"
        "    headers: {Authorization: 'Bearer ${env:OTHER}', X-Mode: quiet}\n"
    )
    (server,) = load(text).servers
    assert (server.label, server.allowed_tools) == ("code", ("issue_write",))
    assert server.url == "https://api.githubcopilot.com/mcp/"
    assert list(server.headers) == ["Authorization", "X-Mode"]
    assert server.credential_headers == {"Authorization"}


def test_a_secret_of_a_shipped_declaration_is_missing_where_that_is_used(
    load: Load, sources: SecretSources
) -> None:
    (server,) = load("servers:\n  - use: github\n").servers
    template = server.headers["Authorization"]
    assert isinstance(template, SecretTemplate)
    with pytest.raises(MissingSecret) as caught:
        template.resolve(sources)
    assert str(caught.value).startswith(
        "mcpbridge.yaml:4: use: github: the environment variable GITHUB_PERSONAL_ACCESS_TOKEN is not set"
    )


def test_a_declaration_of_your_own_is_used_by_its_path(load: Load, folder: Path) -> None:
    (folder / "team").mkdir()
    (folder / "team" / "docs.yaml").write_text(
        "label: docs\nurl: https://d.example/mcp\nheaders: {Authorization: '${file:t.txt}'}\n",
        encoding="utf-8",
    )
    (server,) = load("servers: [{use: team/docs.yaml, defer_loading: true}]\n").servers
    assert (server.label, server.defer_loading) == ("docs", True)
    template = server.headers["Authorization"]
    assert isinstance(template, SecretTemplate)
    assert template.directory == folder / "team"  # a file's references are relative to that file


def test_problems_of_a_used_file_stand_in_that_file(problems: Problems, folder: Path) -> None:
    (folder / "docs.yaml").write_text(
        "label: docs\n\nurl: https://u@d.example\nuse: github\n", encoding="utf-8"
    )
    assert problems("servers: [{use: ./docs.yaml}]\n") == [
        "docs.yaml:3: url: a URL holds no user or password; write headers: {Authorization: …}",
        f"docs.yaml:4: use is not a key mcpbridge knows; write one of: {', '.join(sorted(DECLARATION))}",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("label: [\n", "docs.yaml:2: a value, or the end of a { or [, is missing here"),
        ("", "docs.yaml:1: the file must be a mapping of keys; it is empty"),
        (
            "via: bridge\n",
            "docs.yaml:1: label is missing; write a label of letters, digits and -",
        ),
    ],
)
def test_a_used_file_that_is_no_declaration_is_refused(
    problems: Problems, folder: Path, content: str, problem: str
) -> None:
    (folder / "docs.yaml").write_text(content, encoding="utf-8")
    assert problems("servers: [{use: ./docs.yaml}]\n") == [problem]


def test_a_used_file_that_is_missing_is_refused_at_the_entry(problems: Problems, folder: Path) -> None:
    assert problems("servers: [{use: ./docs.yaml}]\n") == [
        f"mcpbridge.yaml:3: use: ./docs.yaml: there is no such file (looked for {folder / 'docs.yaml'})"
    ]


CUSTOM = "model: {name: m, endpoint: openai, profile: {%s}}\npolicy: ./policy.yaml\n"


def test_hosted_servers_are_refused_where_approvals_are_not_known_to_be_honoured(problems: Problems) -> None:
    (found,) = problems(HEAD + URL, base=CUSTOM % "approvals_honoured: false")
    assert found == (
        "mcpbridge.yaml:4: server 'docs': the profile 'custom' does not say that approvals "
        "are honoured, so calls "
        "could run unasked; write via: bridge here; if you know that they are, write "
        "model.profile: {extends: openai, "
        "approvals_honoured: true}; to let them run unasked, write observe: true here"
    )


def test_an_observed_server_needs_no_promise_of_approvals(load: Load) -> None:
    found = load(HEAD + URL + "    observe: true\n", base=CUSTOM % "approvals_honoured: false")
    assert found.servers[0].observe


def test_where_the_profile_is_missing_the_servers_are_not_blamed(problems: Problems) -> None:
    base = "model: {name: m, endpoint: https://llm.example/v1}\npolicy: ./policy.yaml\n"
    (found,) = problems(HEAD + URL, base=base)
    assert found.startswith("mcpbridge.yaml:1: model.profile is missing")


def test_hosted_servers_are_refused_where_the_endpoint_has_no_mcp(problems: Problems) -> None:
    (found,) = problems(HEAD + URL + "    observe: true\n", base=CUSTOM % "hosted_mcp: false")
    assert found == (
        "mcpbridge.yaml:4: server 'docs': the profile 'custom' says that this endpoint cannot connect to MCP "
        "servers; write via: bridge here, or if it can, hosted_mcp: true under model.profile"
    )
