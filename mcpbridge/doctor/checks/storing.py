"""Stored responses, background, and whether `store: false` is kept."""

from __future__ import annotations

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Exam, user
from mcpbridge.doctor.reading import word
from mcpbridge.doctor.refusal import refusal, refused
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown

_POLLS = 20
_PAUSE = 0.5
"""Seconds between two looks at a background response."""
_UNNEEDED = "mcpbridge needs no stored responses"


async def kept_out(exam: Exam) -> Verdict:
    """`store: false`, and then a look whether it was stored."""
    sent = "store: false, then GET of that response"
    answer = await exam.ask([user(words.READY)])
    if answer.problem:
        return unknown(sent, answer.problem, "the request failed")
    found = await exam.asker.get(answer.path)
    if found.status == 200 and not found.problem:
        await _delete(exam, answer)
        return finding(sent, "it is there", "the endpoint keeps what it was told not to keep")
    if not refused(found):
        return unknown(sent, found.problem, "the request failed")
    return ok(sent, f"HTTP {found.status}")


async def stored(exam: Exam) -> Verdict:
    """`store: true`, `previous_response_id`; what was stored is deleted again."""
    sent, word, control = "store: true, then previous_response_id", exam.nonce(), exam.nonce()
    first = await exam.ask([user(words.day(word))], store=True)
    if first.problem:
        return refusal(sent, first, f"it stores nothing; {_UNNEEDED}")
    try:
        return await _followed(exam, first, sent, word, control)
    finally:
        await _delete(exam, first)


async def _followed(exam: Exam, first: Answer, sent: str, word: str, control: str) -> Verdict:
    previous = {"previous_response_id": first.body.get("id")}
    instructions = words.control(control)
    answer = await exam.ask([user(words.DAY_ASKED)], store=True, instructions=instructions, **previous)
    if answer.problem:
        return refusal(sent, answer, f"no previous_response_id; {_UNNEEDED}")
    await _delete(exam, answer)
    if word in answer.said:
        return ok(sent, "the earlier turn is known")
    if control in answer.said:
        return finding(sent, "the earlier turn is forgotten", f"no previous_response_id; {_UNNEEDED}")
    return unknown(sent, "neither the word nor the control word")


async def background(exam: Exam) -> Verdict:
    """`background: true`, and looks at it until it ends."""
    sent = "background: true, then GET until it ends"
    answer = await exam.ask([user(words.READY)], store=True, background=True)
    if answer.problem:
        return refusal(sent, answer, "no background responses; mcpbridge sends none")
    begun, latest = word(answer.body.get("status")), answer
    for _ in range(_POLLS):
        if latest.problem or latest.body.get("status") not in ("queued", "in_progress"):
            break
        await exam.asker.sleep(_PAUSE)
        latest = await exam.asker.get(answer.path)
    await _delete(exam, answer)
    if latest.problem or latest.body.get("status") != "completed":
        return unknown(
            sent, latest.problem or f"{begun}, then {word(latest.body.get('status'))}", "it did not end"
        )
    if answer.body.get("background") is not True:
        return finding(
            sent, f"{begun}, background: {word(answer.body.get('background'))}", "background is ignored"
        )
    return ok(sent, f"{begun}, then completed")


async def _delete(exam: Exam, answer: Answer) -> None:
    """Leave nothing behind; an endpoint that cannot delete has been told."""
    await exam.asker.delete(answer.path)
