"""Does a later turn know what a hosted call returned? (WIRE §4.8)"""

from __future__ import annotations

from collections.abc import Sequence

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Attempt, Exam, Item, attempt, user
from mcpbridge.doctor.throwaway import READ
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown


async def results(exam: Exam) -> Verdict:
    """A code that only the tool's result holds: replayed as mcp_call, then as a function pair."""
    sent = "a replayed mcp_call, and a question for its result"
    tried = await attempt(exam, READ, exam.server(require_approval="never"))
    if not tried.ran or not tried.answer.of("mcp_call"):
        return unknown(sent, tried.answer.shown, "inconclusive: no hosted call was made")
    code = tried.ran[-1].code
    history = tried.talk.without_messages()
    native, control = await _asked(exam, tried, history)
    if code in native.said:
        return ok(sent, "the model knows it", "replay.mcp_results: native", mcp_results="native")
    pair, _ = await _asked(exam, tried, [each for item in history for each in _as_pair(item)])
    if code in pair.said:
        came = "not known; known as a function pair"
        return finding(sent, came, "replay.mcp_results: function_pair", mcp_results="function_pair")
    if native.problem or pair.problem:
        return unknown(sent, native.problem or pair.problem, "the request failed")
    if control in native.said:
        return finding(sent, "not known in either form", "later turns do not know results of tools")
    return unknown(sent, "neither the code nor the control word")


async def _asked(exam: Exam, tried: Attempt, history: Sequence[Item]) -> tuple[Answer, str]:
    control = exam.nonce()
    answer = await exam.ask(
        [*history, user(words.RESULT_ASKED)],
        tools=list(tried.talk.tools),
        tool_choice="none",
        instructions=words.control(control),
    )
    return answer, control


def _as_pair(item: Item) -> list[Item]:
    if item.get("type") != "mcp_call":
        return [item]
    call_id = f"call_{str(item['id']).partition('_')[2][:24]}"
    call = {"type": "function_call", "call_id": call_id, "name": item["name"], "arguments": item["arguments"]}
    return [call, {"type": "function_call_output", "call_id": call_id, "output": str(item.get("output"))}]
