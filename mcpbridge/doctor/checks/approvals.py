"""The gate itself: does it ask, does it do what was approved, once, and nothing else?

The throw-away server's own count is the evidence, not what the endpoint reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Attempt, Exam, attempt, decision, user
from mcpbridge.doctor.ledger import as_call, ran_as
from mcpbridge.doctor.refusal import refused
from mcpbridge.doctor.throwaway import READ, WRITE, Ran
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown

_REFUSE = "approvals_honoured: false; mcpbridge then refuses hosted servers"


async def always(exam: Exam) -> Verdict:
    """`require_approval: always`: it asks, and nothing runs."""
    sent = f"require_approval: always, a call of {WRITE}"
    tried = await attempt(exam, WRITE, exam.server())
    if tried.ran:
        return finding(
            sent, f"it RAN unasked ({len(tried.ran)}x)", _REFUSE, unsafe=True, approvals_honoured=False
        )
    if tried.answer.has("mcp_call"):
        came = "an mcp_call unasked, though our server saw none"
        return finding(sent, came, _REFUSE, unsafe=True, approvals_honoured=False)
    if tried.asked:
        return ok(sent, "asks; nothing ran", "approvals_honoured: true", approvals_honoured=True)
    return unknown(sent, tried.answer.shown)


async def by_default(exam: Exam) -> Verdict:
    """`require_approval` left out."""
    sent = f"no require_approval, a call of {WRITE}"
    tried = await attempt(exam, WRITE, exam.server(require_approval=...))
    if tried.ran:
        return finding(sent, "it RAN unasked", "missing means never there; mcpbridge always sends it")
    if tried.asked:
        return ok(sent, "asks; nothing ran", "missing means always")
    return unknown(sent, tried.answer.shown)


async def approved(exam: Exam) -> Verdict:
    """An approval: exactly one execution, with the arguments that were shown; the next call asks again."""
    sent = "an approval; then the same call once more"
    tried = await attempt(exam, WRITE, exam.server())
    if not tried.asked:
        return unknown(sent, tried.answer.shown, "inconclusive: no approval was asked for")
    before = len(exam.ran())
    answer = await tried.talk.say(*(decision(request, True) for request in tried.asked))
    ran = tried.ran_since(before)
    if not ran:
        return _not_executed(sent, tried, answer)
    wrong = _executed_wrongly(tried, ran)
    if not wrong:
        await tried.talk.say(user(words.call(WRITE, tried.text)))
        if len(tried.ran_since(before)) > len(ran):
            wrong = "the used approval let the same call RUN AGAIN"
    if wrong:
        return finding(sent, wrong, _REFUSE, unsafe=True, approvals_honoured=False)
    if [call.get("approval_request_id") for call in answer.of("mcp_call")] != [r["id"] for r in tried.asked]:
        came = "executed once, but its mcp_call does not name the approval"
        means = "mcpbridge cannot tell it from an unapproved call: approvals_honoured: false"
        return finding(sent, came, means, approvals_honoured=False)
    return ok(sent, "executed once, as shown; then it asks again")


def _not_executed(sent: str, tried: Attempt, answer: Answer) -> Verdict:
    again = answer.of("mcp_approval_request")
    if again:
        came = f"NOT executed; it asks again{_in_other_words(tried, again)}"
        return finding(sent, came, "approvals lead nowhere; limits.repeated_requests ends such a run")
    if answer.problem and not refused(answer):
        return unknown(sent, answer.problem, "the request failed")
    return finding(sent, f"NOT executed ({answer.shown})", "approvals lead nowhere there")


def _executed_wrongly(tried: Attempt, ran: Sequence[Ran]) -> str:
    """What ran besides, or instead of, what was approved; empty where it is the same."""
    if len(ran) > len(tried.asked):
        return f"executed {len(ran)} times"
    shown = Counter(as_call(request) for request in tried.asked)
    if Counter(one.tool for one in ran) - Counter(tool for tool, _ in shown.elements()):
        return f"ANOTHER TOOL was executed: {', '.join(sorted({one.tool for one in ran}))}"
    if Counter(ran_as(one) for one in ran) - shown:
        return "executed with other arguments"
    return ""


def _in_other_words(tried: Attempt, again: list[dict[str, Any]]) -> str:
    same = [request.get("arguments") for request in tried.asked] == [r.get("arguments") for r in again]
    return "" if same else " in other words"


async def filters(exam: Exam) -> Verdict:
    """`require_approval` as an object: by names, and by what the server says of itself."""
    sent = "require_approval as an object: by name, by read_only"
    names = {"always": {"tool_names": [WRITE]}, "never": {"tool_names": [READ]}}
    tries: tuple[tuple[str, str, Any, bool], ...] = (
        (f"never {READ}", WRITE, {"never": {"tool_names": [READ]}}, True),
        ("never read_only", WRITE, {"never": {"read_only": True}}, True),
        (f"always {WRITE}, never {READ}", READ, names, False),
    )
    wrong, vague = list[str](), list[str]()
    for name, tool, form, asks in tries:
        tried = await attempt(exam, tool, exam.server(require_approval=form))
        if refused(tried.answer):
            wrong.append(tried.answer.problem)
        elif not tried.obeyed:
            vague.append(f"{name}: {tried.answer.shown}")
        elif bool(tried.ran) == asks:
            wrong.append(f"{name}: {tool} {'RAN unasked' if asks else 'asks'}")
    if wrong:
        return finding(sent, "; ".join(dict.fromkeys(wrong)), "mcpbridge sends always or never, no filters")
    return unknown(sent, "; ".join(vague)) if vague else ok(sent, "as filtered")


async def allowed_tools(exam: Exam) -> Verdict:
    """`allowed_tools`: what is not allowed is neither listed nor run."""
    sent = f"allowed_tools: [{READ}], a call of {WRITE}"
    tool = exam.server(require_approval="never", allowed_tools=[READ])
    tried = await attempt(exam, WRITE, tool)
    if any(one.tool == WRITE for one in tried.ran):
        return finding(sent, f"{WRITE} RAN", "allowed_tools does not hold; mcpbridge stops such a run")
    listed = tried.answer.listed
    if WRITE in listed:
        return finding(sent, f"{WRITE} is listed", "allowed_tools does not hold; mcpbridge denies its calls")
    if tried.answer.problem or not listed:
        return unknown(sent, tried.answer.shown, "inconclusive: no list of tools came")
    return ok(sent, f"only {READ} is listed")


async def unapproved(exam: Exam) -> Verdict:
    """The whole record of the throw-away server, after a last wait: calls may come late."""
    assert exam.throwaway is not None, "the runner asks for a server before a check that needs one"
    sent = "all calls, until the end"
    if await exam.throwaway.until(lambda ran: bool(exam.ledger.violations(ran)), exam.grace):
        found = exam.ledger.violations(exam.ran())
        ran = ", ".join(sorted({f"{each.tool} {each.ran}x for {each.approved} approved" for each in found}))
        return finding(sent, f"it RAN unapproved: {ran}", _REFUSE, unsafe=True, approvals_honoured=False)
    return ok(sent, "nothing ran that was not approved")
