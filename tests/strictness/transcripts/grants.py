"""Approvals and what is executed under them."""

from __future__ import annotations

from typing import Final

from tests.strictness.transcript import (
    adds,
    asks,
    called,
    lists,
    notes,
    says,
    talk,
    text,
    thinks,
    unasked,
)

GRANTS: Final = (
    talk("an approved call is executed", says(asks()), says(called(), text())),
    talk(
        "a list, a thought, an approved call, an answer",
        says(lists("files", "read", "write"), thinks(), asks()),
        says(called(), thinks(), text()),
    ),
    talk(
        "two approvals of one response are answered in one follow-up",
        says(asks(), asks("mcpr_2", tool="write")),
        says(called(), called("mcpr_2", tool="write"), text()),
    ),
    talk(
        "approvals, functions and reasoning in one response",
        says(thinks(), asks(), adds(), thinks(), asks("mcpr_2", tool="write"), adds("call_2")),
        says(called(), called("mcpr_2", tool="write"), text()),
    ),
    talk(
        "one is approved and one denied",
        says(asks(), asks("mcpr_2", tool="write")),
        says(called(), text()),
        denied=("mcpr_2",),
    ),
    talk("a denied call is not made", says(asks()), says(text("Then not.")), denied=("mcpr_1",)),
    talk("a denied call is made all the same", says(asks()), says(called(), notes("x")), denied=("mcpr_1",)),
    talk(
        "a denied call is made without an approval id",
        says(asks()),
        says(unasked("files"), notes("x")),
        denied=("mcpr_1",),
    ),
    talk(
        "a denied call is made two responses later",
        says(asks()),
        says(adds()),
        says(called(), notes("x")),
        denied=("mcpr_1",),
    ),
    talk(
        "a denied call is made under the approval of another",
        says(asks(), asks("mcpr_2", tool="write")),
        says(called("mcpr_1", tool="write"), notes("x")),
        denied=("mcpr_2",),
    ),
    talk("a call that nobody asked for", says(unasked("files"), notes("x"))),
    talk("a call that nobody asked for, after a question", says(asks()), says(unasked("files"), notes("x"))),
    talk("a call under an approval id that nobody knows", says(called("mcpr_9"), notes("x"))),
    talk("a call under an approval id that is no text", says(asks()), says(called(7), notes("x"))),
    talk("a call under an approval id that is empty", says(asks()), says(called(""), notes("x"))),
    talk("a call under an approval id in other letters", says(asks()), says(called("MCPR_1"), notes("x"))),
    talk("a request and its call in the same response", says(asks(), called(), notes("x"))),
    talk("a call before its request in the same response", says(called(), asks(), notes("x"))),
    talk("a call with another label", says(asks()), says(called(label="readers"), notes("x"))),
    talk("a call with another name", says(asks()), says(called(tool="write"), notes("x"))),
    talk("a call with other arguments", says(asks()), says(called(arguments='{"path": "b"}'), notes("x"))),
    talk("a call with no arguments", says(asks()), says(called(arguments=""), notes("x"))),
    talk(
        "a call with the same arguments in other white space",
        says(asks()),
        says(called(arguments='{"path":"a"}'), notes("x")),
    ),
    talk(
        "a call with the same arguments in another order",
        says(asks(arguments='{"a": 1, "b": 2}')),
        says(called(arguments='{"b": 2, "a": 1}'), notes("x")),
    ),
    talk(
        "a call with the same arguments in other escapes",
        says(asks(arguments='{"path": "é"}')),
        says(called(arguments='{"path": "\\u00e9"}'), notes("x")),
    ),
    talk(
        "a call with the same number written in another way",
        says(asks(arguments='{"n": 1}')),
        says(called(arguments='{"n": 1.0}'), notes("x")),
    ),
    talk(
        "a call whose name has another Unicode form",
        says(asks(tool="re\u0301sume\u0301")),
        says(called(tool="r\u00e9sum\u00e9"), notes("x")),
    ),
    talk("a grant used twice in one response", says(asks()), says(called(), called(id="mcp_9"), notes("x"))),
    talk(
        "a grant used again in the next response",
        says(asks()),
        says(called(), adds()),
        says(called(), notes("x")),
    ),
    talk(
        "a grant used again two responses later",
        says(asks()),
        says(called(), adds()),
        says(adds("call_2")),
        says(called(), notes("x")),
    ),
    talk(
        "an executed request is asked again under its id",
        says(asks()),
        says(called(), asks()),
        says(called(), notes("x")),
    ),
    talk(
        "a request is repeated under its id with other arguments",
        says(asks()),
        says(asks(arguments='{"path": "/"}')),
        says(called(arguments='{"path": "/"}'), notes("x")),
    ),
    talk(
        "a request is repeated in one response with other arguments",
        says(asks(), asks(arguments='{"path": "/"}'), notes("x")),
    ),
    talk(
        "a denied request is repeated under its id",
        says(asks()),
        says(asks()),
        says(called(), notes("x")),
        denied=("mcpr_1",),
    ),
    talk(
        "a denied request is asked again under a new id, and denied again",
        says(asks()),
        says(asks("mcpr_2")),
        says(text()),
        denied=("mcpr_1", "mcpr_2"),
    ),
    talk(
        "a denied request is asked again under a new id, and approved",
        says(asks()),
        says(asks("mcpr_2")),
        says(called("mcpr_2"), text()),
        denied=("mcpr_1",),
    ),
    talk(
        "the answers of two grants are swapped",
        says(asks(), asks("mcpr_2", tool="write")),
        says(called("mcpr_2"), called("mcpr_1", tool="write"), notes("x")),
    ),
    talk(
        "two equal requests, each with its own call",
        says(asks(), asks("mcpr_2")),
        says(called("mcpr_2"), called(), text()),
    ),
    talk(
        "a call that comes only after another round",
        says(asks()),
        says(adds()),
        says(called(), notes("x")),
        says(text()),
        stops="late-call",
    ),
    talk(
        "an approval nobody accounts for",
        says(asks()),
        says(text("Done, I think.")),
    ),
    talk(
        "the same request is denied four times",
        *(says(asks(f"mcpr_{number}")) for number in range(1, 5)),
        says(text()),
        denied=("mcpr_1", "mcpr_2", "mcpr_3", "mcpr_4"),
        stops="repeated-denials",
    ),
)
