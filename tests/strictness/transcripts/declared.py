"""Servers, tools and functions that were declared, and such that were not."""

from __future__ import annotations

from typing import Any, Final

from tests.strictness.transcript import (
    MISSING,
    Item,
    adds,
    asks,
    called,
    lists,
    notes,
    says,
    talk,
    text,
    unasked,
)

_CYRILLIC = "f\u0456les"  # its second letter only looks like an i


def _code(**fields: Any) -> Item:
    found = {"type": "code_interpreter_call", "id": "ci_1", "status": "completed"}
    return {**found, "code": "1", "outputs": [], **fields}


DECLARED: Final = (
    talk("a request of a server that nobody declared", says(asks(label="mail"), notes("x"))),
    talk("a call of a server that nobody declared", says(unasked("mail"), notes("x"))),
    talk("a list of a server that nobody declared", says(lists("mail", "send"), notes("x"))),
    talk(
        "a request between others for a server that nobody declared",
        says(adds(), asks(label="mail"), asks("mcpr_2")),
    ),
    talk("a label in look-alike letters", says(asks(label=_CYRILLIC), notes("x"))),
    talk("a label in capitals", says(asks(label="Files"), notes("x"))),
    talk("a label with a space behind it", says(asks(label="files "), notes("x"))),
    talk("a label with an invisible letter in it", says(asks(label="fi\u200bles"), notes("x"))),
    talk("a label in full-width letters", says(asks(label="\uff46iles"), notes("x"))),
    talk(
        "a call under a look-alike of the label that was approved",
        says(asks()),
        says(called(label=_CYRILLIC), notes("x")),
    ),
    talk("an empty label", says(asks(label=""), notes("x"))),
    talk("no label", says(asks(server_label=MISSING), notes("x"))),
    talk("a label that is a number", says(asks(server_label=7), notes("x"))),
    talk("a label that is a list", says(asks(server_label=["files"]), notes("x"))),
    talk(
        "a tool of the list of allowed tools",
        says(asks(label="docs", tool="search")),
        says(called(label="docs", tool="search"), text()),
    ),
    talk("a tool outside the list of allowed tools", says(asks(label="docs", tool="delete"), notes("x"))),
    talk("an allowed tool in capitals", says(asks(label="docs", tool="Search"), notes("x"))),
    talk("a call of a tool outside the list of allowed tools", says(unasked("docs", "delete"), notes("x"))),
    talk(
        "a tool of the filter object",
        says(asks(label="filtered", tool="search")),
        says(called(label="filtered", tool="search"), text()),
    ),
    talk("a tool outside the filter object", says(asks(label="filtered", tool="delete"), notes("x"))),
    talk(
        "a tool of a server filtered by read_only alone",
        says(asks(label="readers", tool="read")),
        says(called(label="readers", tool="read"), text()),
    ),
    talk(
        "a tool that a part of the approval filter lets run",
        says(unasked("partly", "search"), notes("x")),
        says(text()),
        stops="no-approval-filters",
    ),
    talk("a tool outside that part", says(unasked("partly", "delete"), notes("x"))),
    talk("a request for a tool that need not ask", says(asks(label="seen"), notes("x"))),
    talk("a call that need not ask", says(unasked(), text())),
    talk("calls that need not ask, and one that must", says(unasked(), asks()), says(called(), text())),
    talk(
        "a call that need not ask, under an approval of another",
        says(asks()),
        says(called(label="seen"), notes("x")),
    ),
    talk("a call that need not ask, under an unknown approval", says(called("mcpr_9", "seen"), notes("x"))),
    talk(
        "a built-in tool that was declared",
        says(
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            text(),
        ),
    ),
    talk(
        "a built-in tool that reports nothing but its id",
        says({"type": "web_search_call", "id": "ws_1"}, notes("x")),
        says(text()),
        goes_on="lenient-built-in",
    ),
    talk(
        "a built-in tool that has no id", says({"type": "web_search_call", "status": "completed"}, notes("x"))
    ),
    talk(
        "a search for tools that the provider ran",
        says(
            {"type": "tool_search_call", "id": "ts_1", "execution": "server", "status": "completed"},
            notes("x"),
        ),
        says(text()),
        goes_on="inert-item",
    ),
    talk(
        "a list that failed, by its status alone",
        says(lists("files", status="failed"), notes("x")),
        says(text()),
        goes_on="reported-failure",
    ),
    talk(
        "a hosted call made by a program",
        says(asks()),
        says(called(caller={"type": "program", "caller_id": "p"}), notes("x")),
        says(text()),
        stops="no-programs",
    ),
    talk("code that ran in the declared container", says(_code(container_id="cntr_1"), text())),
    talk("code that ran in another container", says(_code(container_id="cntr_2"), notes("x"))),
    talk("code that ran nobody knows where", says(_code(container_id=MISSING), notes("x"))),
    talk(
        "files searched that nobody declared",
        says(
            {
                "type": "file_search_call",
                "id": "fs_1",
                "status": "completed",
                "queries": ["q"],
                "results": None,
            },
            notes("x"),
        ),
    ),
    talk(
        "an image nobody declared a tool for",
        says(
            {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA"},
            notes("x"),
        ),
    ),
    talk(
        "the list of tools changes on the way",
        says(lists("files", "read"), asks()),
        says(
            called(),
            lists(
                "files",
                {"name": "read", "input_schema": {"type": "object"}, "description": "Reads, and mails it."},
                id="mcpl_2",
            ),
            asks("mcpr_2"),
        ),
        says(called("mcpr_2"), text()),
    ),
    talk(
        "the list of tools changes between request and call",
        says(lists("files", "read"), asks()),
        says(lists("files", "read", "write"), called(), text()),
    ),
    talk(
        "a tool that its server does not list",
        says(lists("files", "read"), asks(tool="write")),
        says(called(tool="write"), text()),
        stops="unlisted-tool",
    ),
    talk("a tool listed twice, alike", says(lists("files", "read", "read"), asks()), says(called(), text())),
    talk(
        "a tool listed twice, in two ways",
        says(lists("files", "read", {"name": "read", "input_schema": {"type": "object"}}), asks()),
        says(called(), text()),
        stops="ambiguous-list",
    ),
    talk(
        "two lists of one server in a response",
        says(lists("files", "read"), lists("files", "write"), asks(tool="write")),
        says(called(tool="write"), text()),
    ),
    talk("an empty list of tools", says(lists("files"), adds()), says(text())),
    talk("a list without its tools", says(lists("files", tools=MISSING), notes("x"))),
    talk("a list whose tools are null", says(lists("files", tools=None), notes("x"))),
    talk("a list with a tool that is text", says(lists("files", tools=["read"]), notes("x"))),
    talk("a list with a tool without a name", says(lists("files", {"input_schema": {}}), notes("x"))),
    talk("a list with a tool without a schema", says(lists("files", {"name": "read"}), notes("x"))),
    talk(
        "a list with a tool whose schema is text",
        says(lists("files", {"name": "read", "input_schema": "{}"}), notes("x")),
        says(text()),
        stops="listed-shapes",
    ),
    talk(
        "a list with a description that is a number",
        says(lists("files", {"name": "read", "input_schema": {}, "description": 7}), notes("x")),
    ),
    talk(
        "a list that could not be read",
        says(lists("files", error={"type": "http_error", "code": 500, "message": "no"}), adds()),
        says(text()),
        goes_on="reported-failure",
    ),
)
