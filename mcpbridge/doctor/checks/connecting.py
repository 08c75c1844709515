"""Does the endpoint connect to MCP servers itself, and where does it want their credential?"""

from __future__ import annotations

import socket

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import LABEL, PLACES, Arrival, Exam, Place, user
from mcpbridge.doctor.refusal import refused
from mcpbridge.doctor.throwaway import READ, WRITE
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown

_NOWHERE = "https://mcpbridge-doctor.invalid/mcp"
"""A name that never resolves (RFC 2606)."""
_DOWN = "mcpbridge-doctor-down"


async def find_way(exam: Exam, place: Place) -> Arrival:
    """Send a new token in one place and look whether it arrives. Done once in an examination."""
    assert exam.throwaway is not None, "the runner asks for a server before a check that needs one"
    if place not in exam.ways:
        tool, before = exam.server(place), len(exam.throwaway.visits)
        answer = await exam.ask([user(words.READY)], tools=[tool])
        exam.ways[place] = Arrival(
            answer=answer,
            arrived=exam.throwaway.visited_with(exam.throwaway.issued[-1]),
            visited=len(exam.throwaway.visits) > before,
        )
    return exam.ways[place]


async def hosted(exam: Exam) -> Verdict:
    """A declared server is connected to and listed."""
    sent = "an mcp tool with the throw-away server"
    tries = [await find_way(exam, place) for place in PLACES]
    best = next((each for each in tries if each.arrived), tries[-1])
    if best.arrived:
        if {READ, WRITE} <= set(best.answer.listed):
            return ok(sent, "connected, and listed its tools", "hosted_mcp: true", hosted_mcp=True)
        if best.answer.status == 424:
            return finding(
                sent, f"connected, and {best.answer.problem}", "hosted_mcp: false", hosted_mcp=False
            )
        came = f"connected, but mcp_list_tools does not name its tools ({best.answer.shown})"
        return finding(sent, came, "its calls cannot be checked: hosted_mcp: false", hosted_mcp=False)
    if best.answer.status == 424:
        came = f"nobody came to the server, which is up: {best.answer.problem}"
        return finding(sent, came, "hosted servers fail there; see `mcpbridge servers probe`")
    if refused(best.answer):
        return finding(sent, best.answer.problem, "hosted_mcp: false", hosted_mcp=False)
    if best.answer.problem:
        return unknown(sent, best.answer.problem, "the request failed")
    if best.visited:
        return finding(sent, "it came without the token", "hosted_mcp: false", hosted_mcp=False)
    came = f"silently ignored: nobody came to the server ({best.answer.shown})"
    return finding(sent, came, "hosted_mcp: false", hosted_mcp=False)


async def authorization(exam: Exam) -> Verdict:
    """The token in `headers`, and in `authorization`; what arrived at the server counts."""
    sent = "a token in headers, then in authorization"
    header, in_field = [await find_way(exam, place) for place in PLACES]
    if header.arrived and in_field.arrived:
        return ok(sent, "both arrive", "authorization_in: header", authorization_in="header")
    if header.arrived:
        came = f"authorization does not arrive ({in_field.answer.shown})"
        return finding(sent, came, "authorization_in: header", authorization_in="header")
    if in_field.arrived:
        came = f"headers: {header.answer.shown}"
        return finding(sent, came, "authorization_in: field", authorization_in="field")
    return unknown(sent, in_field.answer.shown, "neither arrived")


async def echoed(exam: Exam) -> Verdict:
    """Every answer so far, searched for the tokens that were sent."""
    sent = "tokens for the throw-away server"
    tries = [await find_way(exam, place) for place in PLACES]
    if exam.echoed:
        return finding(sent, "they come back in the answer", "mcpbridge masks them; others may log them")
    if all(each.answer.problem for each in tries):
        return unknown(sent, tries[-1].answer.problem, "the request failed")
    return ok(sent, "not in any answer")


async def allowed_callers(exam: Exam) -> Verdict:
    """`allowed_callers: ["direct"]`, which keeps model-written code from calling tools."""
    sent = "allowed_callers: [direct]"
    answer = await exam.ask([user(words.READY)], tools=[exam.server(allowed_callers=["direct"])])
    if refused(answer):
        return finding(sent, answer.problem, "allowed_callers: false", allowed_callers=False)
    if answer.problem:
        return unknown(sent, answer.problem, "the request failed")
    return ok(sent, "accepted", "allowed_callers: true", allowed_callers=True)


async def unreachable(exam: Exam) -> Verdict:
    """A second server that is not there, beside the one that is."""
    sent = "a second server, where nothing listens"
    assert exam.throwaway is not None, "the runner asks for a server before a check that needs one"
    down = {
        "type": "mcp", "server_label": _DOWN, "require_approval": "always",
        "server_url": _closed_port() if exam.throwaway.url.startswith("http://127.") else _NOWHERE,
    }  # fmt: skip
    answer = Answer()
    for _ in range(2):  # a failure of the moment would not come twice
        answer = await exam.ask([user(words.READY)], tools=[exam.server(), down])
        if not answer.problem or answer.status == 424:
            break
    if answer.status == 424 and LABEL in answer.problem and _DOWN not in answer.problem:
        return finding(sent, answer.problem, "424 names the wrong server")
    if answer.status == 424:
        return ok(sent, "HTTP 424", "on_unavailable: continue works there" if _DOWN in answer.problem else "")
    if answer.problem:
        return finding(sent, answer.problem, "not a 424: on_unavailable: continue does not work there")
    told = [item for item in answer.of("mcp_list_tools") if item.get("server_label") == _DOWN]
    if any(item.get("error") for item in told):
        return ok(sent, "mcp_list_tools with the error; the others go on")
    return finding(sent, f"not a word about it ({answer.shown})", "reported by mcpbridge as server_silent")


def _closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}/mcp"
