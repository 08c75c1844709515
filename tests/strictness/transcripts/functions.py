"""Function calls: names, ids, arguments."""

from __future__ import annotations

from typing import Any, Final

from tests.strictness.transcript import (
    MISSING,
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

_DEEP: Final = '{"a": ' + "[" * 100 + "]" * 100 + ', "b": 2}'


def _bad(name: str, arguments: Any) -> Transcript:
    """Arguments that nobody can take, beside a call that is sound."""
    return talk(
        f"arguments that are {name}",
        says(adds(arguments=arguments), notes("x")),
        says(text()),
        goes_on="malformed-arguments",
    )


def _odd(name: str, arguments: Any) -> Transcript:
    """Arguments that the runner takes."""
    return talk(
        f"arguments that are {name}", says(adds(arguments=arguments)), says(text()), stops="strict-arguments"
    )


FUNCTIONS: Final = (
    talk("a function is called", says(adds()), says(text())),
    talk("a function is called twice, side by side", says(adds(), adds("call_2")), says(text())),
    talk(
        "a function is called in three rounds",
        says(adds()),
        says(adds("call_2")),
        says(adds("call_3")),
        says(text()),
    ),
    talk(
        "a function is called with reasoning around it",
        says(thinks(), adds(), thinks(), notes("x")),
        says(text()),
    ),
    talk(
        "a function is called and something is said",
        says(text("First", phase="commentary"), adds()),
        says(text()),
    ),
    talk("a call id twice in one response", says(adds(), adds(), notes("x"))),
    talk("a call id twice in one response, in two functions", says(adds("call_n"), notes("x"))),
    talk("a call id again in the next response", says(adds()), says(adds(), notes("x"))),
    talk(
        "a call id again with other arguments",
        says(adds()),
        says(adds(arguments='{"a": 9, "b": 9}'), notes("x")),
    ),
    talk(
        "a call id again two responses later",
        says(adds()),
        says(notes("x")),
        says(adds(), notes("y", "call_y")),
    ),
    talk("an approval id as a call id", says(asks()), says(called(), adds("mcpr_1"))),
    talk("a call id as an approval id", says(adds()), says(asks("call_1"), notes("x"))),
    talk("a call id and an approval id in one response", says(adds("mcpr_1"), asks())),
    talk("an item id twice in one response", says(adds(id="fc_1"), adds("call_2", id="fc_1"), notes("x"))),
    talk(
        "an item id again in the next response",
        says(adds(id="fc_1")),
        says(adds("call_2", id="fc_1"), notes("x")),
    ),
    talk("an item id of a message again on a function", says(text(id="msg_1"), adds(id="msg_1"))),
    talk(
        "an item id of a call again on a message",
        says(asks()),
        says(called(id="mcp_1"), text(id="mcp_1"), notes("x")),
    ),
    talk("an item id of a request again on a call", says(asks()), says(called(id="mcpr_1"), notes("x"))),
    talk("a reasoning id twice", says(thinks(id="rs_1"), adds()), says(thinks(id="rs_1"), notes("x"))),
    talk(
        "an item id that is the call id of another item",
        says(adds(id="fc_1"), adds("fc_1", id="fc_2")),
        says(text()),
        stops="one-space-of-ids",
    ),
    talk("an item id that is its own call id", says(adds(id="call_1")), says(text())),
    talk(
        "a call id that a hosted call travels under",
        says(asks()),
        says(called(id="mcp_1"), adds("call_mcp_1")),
        says(text()),
        stops="one-space-of-ids",
    ),
    talk(
        "a hosted call that would travel under a call id",
        says(asks(), adds("call_mcp_1")),
        says(called(id="mcp_1"), notes("x")),
        says(text()),
        stops="one-space-of-ids",
    ),
    talk("no call id", says(adds(call_id=MISSING), notes("x"))),
    talk("a call id that is null", says(adds(call_id=None), notes("x"))),
    talk("a call id that is a number", says(adds(call_id=7), notes("x"))),
    talk("a call id that is a list", says(adds(call_id=["call_1"]), notes("x"))),
    talk("an empty call id", says(adds("")), says(text()), stops="empty-ids"),
    talk("no item id", says(adds(id=MISSING)), says(text())),
    talk("an item id that is a number", says(adds(id=7), notes("x"))),
    talk("an item id that is an object", says(adds(id={"x": 1}), notes("x"))),
    talk(
        "a function that nobody declared",
        says({**adds(), "name": "rm"}),
        says(text()),
        goes_on="undeclared-function",
    ),
    talk(
        "a function that nobody declared, beside one that is",
        says({**adds(), "name": "rm"}, notes("x")),
        says(text()),
        goes_on="undeclared-function",
    ),
    talk(
        "a function's name in capitals",
        says({**adds(), "name": "ADD"}),
        says(text()),
        goes_on="undeclared-function",
    ),
    talk(
        "a function's name in full-width letters",
        says({**adds(), "name": "\uff41\uff44\uff44"}),
        says(text()),
        goes_on="undeclared-function",
    ),
    talk(
        "a function's name with an invisible letter",
        says({**adds(), "name": "a\u200bdd"}),
        says(text()),
        goes_on="undeclared-function",
    ),
    talk(
        "a function's name with a space behind it",
        says({**adds(), "name": "add "}),
        says(text()),
        goes_on="undeclared-function",
    ),
    talk(
        "a function named as a tool of a server",
        says({**adds(), "name": "files.read"}),
        says(text()),
        goes_on="undeclared-function",
    ),
    talk("a function with no name", says({**adds(), "name": MISSING}, notes("x"))),
    talk("a function whose name is null", says({**adds(), "name": None}, notes("x"))),
    talk("a function whose name is a list", says({**adds(), "name": ["add"]}, notes("x"))),
    talk("a function with an empty name", says({**adds(), "name": ""}, notes("x"))),
    talk("a function in a namespace", says(adds(namespace="other"), notes("x"))),
    talk(
        "a function in a namespace of its own name",
        says(adds(namespace="add")),
        says(text()),
        stops="no-namespaces",
    ),
    talk("a function in a namespace that is a number", says(adds(namespace=7), notes("x"))),
    talk(
        "a function called by a program",
        says(adds(caller={"type": "program", "caller_id": "p"})),
        says(text()),
        stops="no-programs",
    ),
    talk("a function called by a program without an id", says(adds(caller={"type": "program"}), notes("x"))),
    talk("a function called directly, in words", says(adds(caller={"type": "direct"})), says(text())),
    talk("a function whose caller is text", says(adds(caller="direct"), notes("x"))),
    talk("a function whose caller is of no known type", says(adds(caller={"type": "cron"}), notes("x"))),
    talk("a function whose async is text", says(adds(**{"async": "yes"}), notes("x"))),
    talk("a function whose async is false", says(adds(**{"async": False})), says(text())),
    _bad("no JSON", "{"),
    _bad("empty", ""),
    _bad("a list", "[1, 2]"),
    _bad("a number", "7"),
    _bad("null in words", "null"),
    _bad("JSON with something behind it", '{"a": 1, "b": 2} x'),
    _bad("NaN", '{"a": NaN, "b": 2}'),
    _bad("infinite", '{"a": -Infinity, "b": 2}'),
    talk("arguments that are missing", says(adds(arguments=MISSING), notes("x"))),
    talk("arguments that are null", says(adds(arguments=None), notes("x"))),
    talk("arguments that are a JSON number", says(adds(arguments=7), notes("x"))),
    talk("arguments that are a JSON list", says(adds(arguments=[1, 2]), notes("x"))),
    talk(
        "arguments that are a JSON object",
        says(adds(arguments={"a": 1, "b": 2})),
        says(text()),
        goes_on="object-arguments",
    ),
    _odd("a name that stands twice", '{"a": 1, "a": 100, "b": 2}'),
    _odd("a name that stands twice in other escapes", '{"a": 1, "\\u0061": 100, "b": 2}'),
    _odd("a number too large for a float", '{"a": 1e999, "b": 2}'),
    _odd("nested a hundred deep", _DEEP),
    _odd("half of a surrogate pair", '{"a": 1, "b": 2, "c": "\\ud800"}'),
    _odd("text where the schema has a number", '{"a": "1", "b": 2}'),
    _odd("without a required one", '{"a": 1}'),
    _odd("with one that the schema does not have", '{"a": 1, "b": 2, "c": 3}'),
    _bad("a number with 5,000 digits", '{"a": ' + "1" * 5_000 + ', "b": 2}'),
    talk(
        "a great number", says(adds(arguments='{"a": 123456789012345678901234567890, "b": 2}')), says(text())
    ),
    talk("no response after a function", says(adds()), Reply(raw=b"")),
)
