"""What other programs call it: a wrong word of a server is told with what it is here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[..., list[str]]

WEB = "servers:\n  - label: docs\n    via: bridge\n    url: https://docs.example.com/mcp\n"  # to line 6
STDIO = "servers:\n  - label: docs\n    via: bridge\n    command: [server-of-docs]\n"


@pytest.mark.parametrize("date", ["2025-06-18", "2024-11-05"])
def test_a_date_of_an_older_protocol_is_legacy_here(problems: Problems, date: str) -> None:
    [told] = problems(f"{WEB}    protocol: {date}\n")
    assert told == (
        f"mcpbridge.yaml:7: servers[docs].protocol cannot be '{date}'; write legacy, which is every protocol "
        "up to 2025-11-25"
    )


def test_a_date_of_no_protocol_is_told_as_before(problems: Problems) -> None:
    [told] = problems(f"{WEB}    protocol: 2026-07-29\n")
    assert told.endswith("did you mean '2026-07-28'?")


@pytest.mark.parametrize(
    ("server", "transport", "instead"),
    [
        (WEB, "http", "write streamable-http, or leave it out"),
        (WEB, "streamable_http", "write streamable-http, or leave it out"),
        (WEB, "stdio", "a url is reached over HTTP; remove transport, or write command in place of the url"),
        (STDIO, "stdio", "a command speaks over its standard input and output; remove transport"),
        (STDIO, "http", "a command speaks over its standard input and output; remove transport"),
    ],
)
def test_a_transport_by_another_name_is_told_by_ours(
    problems: Problems, server: str, transport: str, instead: str
) -> None:
    [told] = problems(f"{server}    transport: {transport}\n")
    assert told == f"mcpbridge.yaml:7: servers[docs].transport cannot be '{transport}'; {instead}"


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("args: [--fast]", "write arguments into command: [PROGRAM, ARGUMENT]"),
        ("name: a", "write label"),
        ("server_label: a", "write label"),
        ("server_url: a", "write url"),
    ],
)
def test_a_key_by_another_name_is_told_by_ours(problems: Problems, key: str, instead: str) -> None:
    [told] = problems(f"{STDIO}    {key}\n")
    name = key.partition(":")[0]
    assert told == f"mcpbridge.yaml:7: servers[docs].{name} is not a key mcpbridge knows; {instead}"


@pytest.mark.parametrize(
    ("offer", "instead"),
    [("resource", "[resources]"), ("prompts", "[prompts]"), ("all", "[resources, prompts]")],
)
def test_one_word_to_offer_is_told_as_the_list_it_should_be(
    problems: Problems, offer: str, instead: str
) -> None:
    [told] = problems(f"{WEB}    offer: {offer}\n")
    assert told == f"mcpbridge.yaml:7: servers[docs].offer must be a list, not text; write {instead}"
