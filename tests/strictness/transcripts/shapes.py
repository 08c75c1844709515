"""Items and bodies of the wrong shape, and kinds that nobody knows."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.strictness.transcript import (
    MISSING,
    Item,
    Reply,
    Transcript,
    adds,
    asks,
    called,
    notes,
    says,
    talk,
    text,
    thinks,
)


def _unknown(name: str, item: Any) -> Transcript:
    return talk(
        f"an inert item nobody knows: {name}", says(item, notes("x")), says(text()), goes_on="inert-item"
    )


def _demands(item: Any) -> Transcript:
    return talk(f"an item that wants an answer: {item['type']}", says(item, notes("x")))


def _reports_a_call(kind: str) -> Transcript:
    item = {
        "type": kind,
        "id": "mcp_odd",
        "server_label": "files",
        "name": "read",
        "arguments": "{}",
        "output": "x",
    }
    return talk(
        f"an item of a kind nobody knows that reports a server's call: {kind}", says(item, notes("x"))
    )


def _ours(item: Any) -> Transcript:
    return talk(f"an item that only the caller writes: {item['type']}", says(item, notes("x")))


def _request(field: str, value: Any) -> Transcript:
    shown = "missing" if value is MISSING else json.dumps(value)
    return talk(f"a request whose {field} is {shown}", says(asks(**{field: value}), notes("x")))


def _call(field: str, value: Any) -> Transcript:
    shown = "missing" if value is MISSING else json.dumps(value)
    return talk(f"a call whose {field} is {shown}", says(asks()), says(called(**{field: value}), notes("x")))


def _message(name: str, *, goes_on: str = "", **fields: Any) -> Transcript:
    rest = (says(text()),) if goes_on else ()
    return talk(f"a message {name}", says(text(**fields), notes("x")), *rest, goes_on=goes_on)


def _reasoning(name: str, *, goes_on: str = "", **fields: Any) -> Transcript:
    rest = (says(text()),) if goes_on else ()
    return talk(f"reasoning {name}", says(thinks(**fields), notes("x")), *rest, goes_on=goes_on)


def _text_part(**fields: Any) -> list[dict[str, Any]]:
    part: dict[str, Any] = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": [], **fields}
    return [{key: value for key, value in part.items() if value is not MISSING}]


def _body(name: str, *, goes_on: str = "", stops: str = "", **fields: Any) -> Transcript:
    return talk(f"a response {name}", says(adds(), **fields), says(text()), goes_on=goes_on, stops=stops)


def _raw(name: str, data: bytes, *, stops: str = "", goes_on: str = "") -> Transcript:
    return talk(
        f"a body {name}", Reply(raw=data), says(text()), stops=stops, goes_on=goes_on, forms=("whole",)
    )


def _of(*items: Item, tail: str = "") -> bytes:
    return (json.dumps(says(*items).body(1)) + tail).encode()


_COMPLETED: Final = _of(adds(id="fc_1"))

SHAPES: Final = (
    _unknown("no fields", {"type": "from_the_future"}),
    _unknown("with an id", {"type": "from_the_future", "id": "ff_1", "data": [1, {"x": None}]}),
    _unknown(
        "looks like a message",
        {"type": "novel", "id": "n_1", "role": "assistant", "status": "completed", "content": []},
    ),
    _unknown("named as a list", {"type": "mcp_list_prompts", "id": "p_1", "server_label": "nobody"}),
    _demands(
        {
            "type": "computer_call",
            "id": "cu_1",
            "call_id": "call_c",
            "action": {"type": "screenshot"},
            "pending_safety_checks": [],
            "status": "completed",
        }
    ),
    _demands(
        {
            "type": "local_shell_call",
            "id": "ls_1",
            "call_id": "call_c",
            "action": {"type": "exec", "command": ["ls"], "env": {}},
            "status": "completed",
        }
    ),
    _demands(
        {
            "type": "shell_call",
            "id": "sh_1",
            "call_id": "call_c",
            "action": {"commands": ["ls"]},
            "status": "completed",
        }
    ),
    _demands(
        {
            "type": "apply_patch_call",
            "id": "ap_1",
            "call_id": "call_c",
            "operation": {"type": "delete_file", "path": "x"},
            "status": "completed",
        }
    ),
    _demands({"type": "custom_tool_call", "id": "ct_1", "call_id": "call_c", "name": "add", "input": "x"}),
    _demands(
        {
            "type": "tool_search_call",
            "id": "ts_1",
            "call_id": "call_c",
            "execution": "client",
            "arguments": {},
            "status": "completed",
        }
    ),
    _demands({"type": "program", "id": "pr_1", "call_id": "call_c", "code": "x", "fingerprint": "f"}),
    _demands({"type": "novel_call", "id": "no_1", "call_id": "call_c"}),
    _reports_a_call("MCP_call"),
    _reports_a_call("mcp_call_v2"),
    _demands({"type": "novel_approval_request", "id": "no_1"}),
    _ours(
        {"type": "mcp_approval_response", "id": "mcpa_1", "approval_request_id": "mcpr_1", "approve": True}
    ),
    _ours({"type": "function_call_output", "id": "fo_1", "call_id": "call_1", "output": "3"}),
    _ours(
        {
            "type": "computer_call_output",
            "id": "co_1",
            "call_id": "call_1",
            "output": {"type": "computer_screenshot"},
        }
    ),
    _ours({"type": "item_reference", "id": "fc_1"}),
    _ours({"type": "additional_tools", "id": "at_1", "role": "developer", "tools": []}),
    talk(
        "a request, and the provider's own answer to it",
        says(
            asks(),
            {
                "type": "mcp_approval_response",
                "id": "mcpa_1",
                "approval_request_id": "mcpr_1",
                "approve": True,
            },
            called(),
            notes("x"),
        ),
    ),
    talk("a user message in the output", says(text(role="user"), notes("x"))),
    talk("a system message in the output", says(text(role="system"), notes("x"))),
    _request("id", MISSING),
    _request("id", None),
    _request("id", ""),
    _request("id", 7),
    _request("id", ["mcpr_1"]),
    _request("name", MISSING),
    _request("name", None),
    _request("name", 7),
    _request("name", {"read": 1}),
    _request("arguments", MISSING),
    _request("arguments", None),
    _request("arguments", 7),
    _request("arguments", ["a"]),
    talk("a request with an empty name", says(asks(tool="")), says(text()), stops="empty-ids"),
    talk(
        "a request whose arguments are an object",
        says(asks(arguments={"path": "a"})),
        says(called(arguments={"path": "a"}), text()),
        goes_on="object-arguments",
    ),
    talk(
        "object arguments in another order",
        says(asks(arguments={"a": 1, "b": 2})),
        says(called(arguments={"b": 2, "a": 1}), text()),
        goes_on="object-arguments",
    ),
    talk(
        "object arguments that differ",
        says(asks(arguments={"a": 1})),
        says(called(arguments={"a": 2}), notes("x")),
        goes_on="object-arguments",
    ),
    talk(
        "object arguments, true for 1",
        says(asks(arguments={"a": 1})),
        says(called(arguments={"a": True}), notes("x")),
        goes_on="object-arguments",
    ),
    talk(
        "a request with an object, its call with the text",
        says(asks(arguments={"path": "a"})),
        says(called(arguments='{"path":"a"}'), notes("x")),
        goes_on="object-arguments",
    ),
    talk(
        "an approval's arguments name a key twice",
        says(asks(arguments='{"eur": 1, "eur": 1000}')),
        says(called(arguments='{"eur": 1, "eur": 1000}'), text()),
        stops="strict-arguments",
    ),
    talk(
        "an approval's arguments hold NaN",
        says(asks(arguments='{"eur": NaN}')),
        says(called(arguments='{"eur": NaN}'), text()),
        stops="strict-arguments",
    ),
    talk(
        "an approval's arguments are no JSON",
        says(asks(arguments="{")),
        says(called(arguments="{"), text()),
        stops="strict-arguments",
    ),
    talk(
        "an approval's arguments are a list",
        says(asks(arguments="[1]")),
        says(called(arguments="[1]"), text()),
        stops="strict-arguments",
    ),
    talk(
        "an approval's arguments are longer than anybody reads",
        says(asks(arguments=json.dumps({"path": "a" * 1_000_001}))),
        says(text()),
        stops="strict-arguments",
    ),
    talk(
        "an approval's arguments are empty",
        says(asks(arguments="")),
        says(called(arguments=""), text()),
        stops="strict-arguments",
    ),
    talk(
        "an approval's arguments are nested a hundred deep",
        says(asks(arguments='{"a": ' + "[" * 100 + "]" * 100 + "}")),
        says(text()),
        stops="strict-arguments",
    ),
    _call("id", MISSING),
    _call("id", None),
    _call("id", 7),
    _call("id", {}),
    _call("name", None),
    _call("name", 7),
    _call("arguments", None),
    _call("arguments", 7),
    _call("output", 7),
    _call("output", {"x": 1}),
    _call("output", ["ok"]),
    _message("without an id", id=None),
    _message("whose id is a number", id=7),
    talk("a message without content", says(text(content=None), notes("x")), forms=("whole",)),
    talk(
        "a streamed message without content",
        says(text(content=None), notes("x")),
        stops="message-without-content",
        forms=("stream",),
    ),
    _message("whose content is text", content="Hi"),
    _message("whose part is text", content=["Hi"]),
    _message("whose part has no type", content=[{"text": "Hi"}]),
    _message("whose text is a number", content=_text_part(text=7)),
    _message("whose text is missing", content=_text_part(text=MISSING)),
    _message("whose refusal is null", content=[{"type": "refusal", "refusal": None}]),
    _message("without annotations", goes_on="lenient-message", content=_text_part(annotations=MISSING)),
    _message(
        "whose annotation is unknown",
        goes_on="lenient-message",
        content=_text_part(annotations=[{"type": "novel"}]),
    ),
    _message(
        "with a part nobody knows", goes_on="lenient-message", content=[{"type": "output_novel", "x": 1}]
    ),
    _message("in a phase nobody knows", goes_on="lenient-message", phase="epilogue"),
    _message("whose scores are text", goes_on="lenient-message", content=_text_part(logprobs="x")),
    talk("a refusal", says(text(content=[{"type": "refusal", "refusal": "No."}]))),
    talk(
        "a refusal beside a request",
        says(text(content=[{"type": "refusal", "refusal": "No."}]), asks()),
        says(called(), text()),
    ),
    _reasoning("without an id", id=None),
    _reasoning("whose id is a number", id=7),
    _reasoning("whose summary is text", summary="x"),
    _reasoning("whose summary is null", summary=None),
    _reasoning("whose summary holds text", summary=["x"]),
    _reasoning("whose summary's text is a number", summary=[{"type": "summary_text", "text": 7}]),
    _reasoning("whose ciphertext is a number", encrypted_content=7),
    _reasoning("whose content is text", content="x"),
    _reasoning("whose content holds a number", content=[7]),
    _reasoning("without a summary", goes_on="lenient-reasoning", summary=MISSING),
    _reasoning("with a summary part nobody knows", goes_on="lenient-reasoning", summary=[{"type": "novel"}]),
    _reasoning("whose content is null", goes_on="lenient-reasoning", content=None),
    talk(
        "reasoning with a summary and content",
        says(
            thinks(
                summary=[{"type": "summary_text", "text": "So."}],
                content=[{"type": "reasoning_text", "text": "Hm."}],
            ),
            adds(),
        ),
        says(text()),
    ),
    talk("reasoning without ciphertext", says(thinks(encrypted_content=None), adds()), says(text())),
    talk(
        "a compaction",
        says({"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"}, adds()),
        says(text()),
    ),
    talk("a compaction without its content", says({"type": "compaction", "id": "cmp_1"}, notes("x"))),
    talk("an item that is text", says("message", notes("x"))),
    talk("an item that is null", says(None, notes("x"))),
    talk("an item that is a list", says([adds()], notes("x"))),
    talk("an item without a type", says({"id": "x_1"}, notes("x"))),
    talk("a function call without its type", says({**adds(), "type": MISSING}, notes("x"))),
    talk("an item whose type is null", says({"type": None, "id": "x_1"}, notes("x"))),
    talk("an item whose type is a number", says({"type": 7, "id": "x_1"}, notes("x"))),
    talk("an item whose type is a list", says({"type": ["function_call"], "id": "x_1"}, notes("x"))),
    talk("an item's type in capitals", says({**adds(), "type": "Function_Call"}, notes("x"))),
    talk("an empty output", says(), goes_on="empty-answer"),
    talk("an empty output after a denial", says(asks()), says(), denied=("mcpr_1",), goes_on="empty-answer"),
    talk("an empty output after an approval", says(asks()), says(), goes_on="empty-answer"),
    talk("nothing but reasoning", says(thinks()), goes_on="empty-answer"),
    talk("nothing but commentary", says(text("Wait.", phase="commentary")), goes_on="empty-answer"),
    talk("a message with no parts", says(text(content=[]))),
    _body("whose output is null", output=None),
    _body("without output", output=MISSING),
    _body("whose output is an object", output={}),
    _body("whose output is text", output="x"),
    _body("with an error and completed", error={"code": "server_error", "message": "no"}),
    _body("with an id that is a number", id=7),
    _body("without an id", id=MISSING),
    _body("with usage of the wrong type", usage="much"),
    _body("with fields nobody knows", novel={"x": [1]}),
    _raw("that is empty", b""),
    _raw("that is no JSON", b"<html>"),
    _raw("that is cut off", _COMPLETED[:-9]),
    _raw("that is a list", b"[" + _COMPLETED + b"]"),
    _raw("that is null", b"null"),
    _raw("that is text", b'"x"'),
    _raw("with bytes that are no UTF-8", _COMPLETED.replace(b'"m"', b'"\xff"')),
    _raw("with something behind it", _COMPLETED + b"{}"),
    _raw("with a byte order mark", b"\xef\xbb\xbf" + _COMPLETED, stops="strict-body"),
    _raw("that names its output twice", _COMPLETED[:-1] + b', "output": []}'),
    _raw(
        "that names a call id twice",
        _COMPLETED.replace(b'"call_id"', b'"call_id": "call_0", "call_id"'),
        stops="strict-body",
    ),
    _raw("that holds NaN", _COMPLETED[:-1] + b', "score": NaN}', stops="strict-body"),
    _raw("that holds a number too large", _COMPLETED[:-1] + b', "score": 1e999}', stops="strict-body"),
    _raw("nested very deep", _COMPLETED[:-1] + b', "x": ' + b"[" * 500 + b"]" * 500 + b"}"),
    talk(
        "an item nested very deep",
        says({"type": "novel", "x": json.loads("[" * 300 + "]" * 300)}, notes("x")),
    ),
)
