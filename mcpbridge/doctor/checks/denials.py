"""What becomes of a denial: nothing runs, the model is told, and somebody answers."""

from __future__ import annotations

from mcpbridge.doctor import words
from mcpbridge.doctor.exam import Exam, attempt, decision, user
from mcpbridge.doctor.refusal import refusal
from mcpbridge.doctor.throwaway import WRITE
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown


async def answered(exam: Exam) -> Verdict:
    """A denial alone: what comes next?"""
    sent = "a denial with its reason"
    tried = await attempt(exam, WRITE, exam.server())
    if not tried.asked:
        return unknown(sent, tried.answer.shown, "inconclusive: no approval was asked for")
    before = len(exam.ran())
    answer = await tried.talk.say(*(decision(r, False, "This is only a test.") for r in tried.asked))
    if tried.ran_since(before):
        means = "approvals_honoured: false; mcpbridge then refuses hosted servers"
        return finding(sent, "the denied call RAN", means, unsafe=True, approvals_honoured=False)
    if answer.problem:
        return refusal(sent, answer, "a denied call ends the run with an error")
    if answer.of("mcp_approval_request"):
        return finding(sent, "it asks for a call again", "limits.repeated_requests ends such a run")
    if not answer.said:
        return finding(sent, f"no message ({answer.shown})", "runs end with an empty answer after a denial")
    return ok(sent, "nothing ran; the model answers")


async def told(exam: Exam) -> Verdict:
    """The reason of a denial, asked back with a control word."""
    sent, reason, control = "a denial, and a question for its reason", exam.nonce(), exam.nonce()
    answer = None
    for _ in range(2):
        tried = await attempt(exam, WRITE, exam.server())
        if not tried.asked:
            return unknown(sent, tried.answer.shown, "inconclusive: no approval was asked for")
        denials = [decision(request, False, words.denial(reason)) for request in tried.asked]
        answer = await tried.talk.say(
            *denials, user(words.DENIAL_ASKED), tool_choice="none", instructions=words.control(control)
        )
        if reason in answer.said:
            return ok(sent, "the model quotes it")
        if answer.problem:
            return unknown(sent, answer.problem, "the request failed")
    assert answer is not None
    if control in answer.said:
        return finding(sent, "the control word, not the reason", "the model never learns why it was denied")
    return unknown(sent, "neither the reason nor the control word")
