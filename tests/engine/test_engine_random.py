"""Any mix of what a model may send, any rules: the invariants hold."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.core.ruling import Approve, Deny
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import Finished
from mcpbridge.engine.loop import Limits
from mcpbridge.testing import (
    approval_request,
    function_call,
    mcp_call,
    message,
    reasoning,
    response,
)
from tests.engine.scene import Scene, Tool, policy, said

KINDS = st.lists(
    st.sampled_from(["go", "ask", "no", "hosted", "hosted_ask", "hosted_no", "think", "new", "say"]),
    max_size=5,
)
LIVE = {"hosted", "hosted_ask"}


def _item(kind: str, name: str) -> dict[str, Any]:
    match kind:
        case "go" | "ask" | "no":
            return function_call(kind, {"n": name}, call_id=f"call_{name}")
        case "think":
            return reasoning()
        case "new":
            return {"type": "from_the_future", "id": f"ff_{name}"}
        case "say":
            return message("hm")
        case _:
            return approval_request("files", kind, {"n": name}, id=f"mcpr_{name}")


class Provider:
    """Executes what is approved, at once, and remembers it."""

    def __init__(self, rounds: list[list[str]]) -> None:
        self.rounds, self.executed = rounds, list[str]()
        self.asked: dict[str, dict[str, Any]] = {}

    def reply(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        answers = {i["approval_request_id"]: i["approve"] for i in items if "approve" in i}
        pairs = {i["id"] for i in items if i["type"] == "mcp_approval_request"}
        assert set(answers) == pairs, "every request has its answer, and every answer its request"
        calls = {i["call_id"] for i in items if i["type"] == "function_call"}
        assert calls == {i["call_id"] for i in items if i["type"] == "function_call_output"}
        assert items[-1]["type"] != "reasoning"
        ran = [name for name, approve in answers.items() if approve and name not in self.executed]
        self.executed += ran
        new = self.rounds.pop(0) if self.rounds else []
        fresh = [_item(kind, f"{len(self.rounds)}_{place}") for place, kind in enumerate(new)]
        self.asked |= {i["id"]: i for i in fresh if i["type"] == "mcp_approval_request"}
        done = [self._call(self.asked[name]) for name in ran]
        return response(*done, *fresh, *([] if fresh else [message("end")]))

    @staticmethod
    def _call(request: dict[str, Any]) -> dict[str, Any]:
        return mcp_call("files", request["name"], request["arguments"], approval_request_id=request["id"])


@given(
    st.lists(KINDS, max_size=3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["native", "function_pair"]),
)
@settings(max_examples=80, deadline=None)
def test_any_mix_keeps_every_promise(rounds: list[list[str]], yes: bool, saved: bool, mode: Any) -> None:
    provider = Provider([list(kinds) for kinds in rounds])
    tools = [Tool(name=name) for name in ("go", "ask", "no")]
    scene = Scene(
        steps=[provider.reply] * 12,
        policy=policy(allow="files.hosted, local.go", ask="files.hosted_ask, local.ask"),
        tools=tools,
        limits=Limits(max_rounds=12),
    )
    run = scene.run(said(mcp_results=mode))
    for _ in range(8):
        end = run.of(Finished)[0]
        if end.status == "completed":
            break
        state = loads(dumps(run.conversation)) if saved else run.conversation
        answers = {question.action.request_id: Approve() if yes else Deny() for question in end.questions}
        run = scene.run(state, answers=answers)
    assert run.of(Finished)[0].status == "completed"
    _check(scene, provider, tools, rounds, yes)


def _check(scene: Scene, provider: Provider, tools: list[Tool], rounds: list[list[str]], yes: bool) -> None:
    kinds = [kind for one in rounds[: _reached(rounds)] for kind in one]
    expected = {"go": kinds.count("go"), "ask": kinds.count("ask") * yes, "no": 0}
    assert {tool.name: len(tool.calls) for tool in tools} == expected
    hosted = kinds.count("hosted") + kinds.count("hosted_ask") * yes
    assert len(provider.executed) == len(set(provider.executed)) == hosted
    decisions = [record["request_id"] for record in scene.records("decision")]
    assert len(decisions) == len(set(decisions))
    outcomes = [record["request_id"] for record in scene.records("outcome")]
    allowed = [r["request_id"] for r in scene.records("decision") if r["outcome"].endswith("allow")]
    assert sorted(outcomes) == sorted(allowed)


def _reached(rounds: list[list[str]]) -> int:
    """How many of the scripted responses are asked for: one without a question ends the turn."""
    for number, kinds in enumerate(rounds):
        if not set(kinds) & {"go", "ask", "no", "hosted", "hosted_ask", "hosted_no"}:
            return number + 1
    return len(rounds)
