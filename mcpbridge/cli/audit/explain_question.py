"""`mcpbridge audit explain` of what a server asked in the middle of a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mcpbridge.cli.audit.columns import one_row, rows

if TYPE_CHECKING:
    from mcpbridge.audit.review.server_questions import ServerQuestion

_NO_RULE = (
    "no rule decides what a server asks while its call runs: it is put to a person where the server's "
    "declaration says `elicitation: ask`, and whatever is no clear yes is a refusal"
)


def question_json(found: ServerQuestion) -> dict[str, Any]:
    """One object for programs; `record` is the answer, or else the question."""
    return {"record": found.record, **asdict(found)}


def question_lines(found: ServerQuestion) -> Iterator[str]:
    """The whole screen."""
    record, answer = found.record, found.answered
    name = f"{record.get('server_label', '')}.{record.get('tool', '')}"
    became = "no answer on record" if answer is None else answer.get("answer")
    yield one_row(f"#{record.get('seq')} {name} asked something: {became}, {record.get('ts')}")
    if reason := record.get("reason"):
        yield from rows(str(reason), "  ", "  ")
    if who := record.get("approver"):
        proven = "authenticated" if record.get("authenticated") else "a claimed name"
        yield from rows(f"decided by {who} ({proven})", "  ", "  ")
    yield ""
    yield "As shown"
    for line in (found.screen or "the log does not keep the screen").split("\n"):
        yield from rows(line, "  ", "    ")
    yield ""
    yield "What the server got"
    sent = None if answer is None else answer.get("arguments")
    got = "nothing but the word above" if sent is None else json.dumps(sent, ensure_ascii=False)
    yield from rows(got, "  ", "  ")
    yield ""
    yield "Why"
    yield from rows(_NO_RULE, "  ", "  ")
    if found.decision is not None:
        yield from rows(f"why the call itself ran: mcpbridge audit explain {found.decision}", "  ", "  ")
