"""Mistakes that are easy to make in Python, and what is said about them. None of them decides anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mcpbridge import Approve, Approver, Bridge, CallbackApprover, Gate, ModelError, UsageError
from mcpbridge.ports import NobodyThere
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack, run, sources

SAYS = "rules:\n- then: [{say: hello}]\n"
ASKS = """
rules:
  - when: {user: go}
    then: [{call: {name: act, arguments: {}}}]
  - when: {function_output: act}
    then: [{say: "done: {{last_output}}"}]
"""


def act() -> str:
    """Act."""
    return "acted"


def test_run_sync_serves_more_than_one_turn(tmp_path: Path) -> None:
    with running_in_thread(SAYS) as service:
        bridge = Stack(folder=tmp_path, endpoint=service).bridge()
        first = bridge.run_sync("one")
        second = bridge.run_sync("two", conversation=first.conversation)
        bridge.close_sync()

        assert (first.text, second.text) == ("hello", "hello")
        assert service.posts == 2


@pytest.mark.parametrize("wrong", [True, "yes", Approve, {"approve": True}])
def test_a_decision_that_is_none_is_refused_before_anything_is_recorded(wrong: Any, tmp_path: Path) -> None:
    with running_in_thread(ASKS) as service:
        stack = Stack(folder=tmp_path, endpoint=service)

        async def talk() -> str:
            async with stack.bridge(tools=[act]) as bridge:
                paused = await bridge.run("go")
                [question] = paused.questions
                request_id = question.action.request_id
                with pytest.raises(UsageError, match="write Approve"):
                    await bridge.resume(paused.conversation, decisions={request_id: wrong})
                assert stack.records("decision") == []
                done = await bridge.resume(paused.conversation, decisions={request_id: Approve(by="ada")})
                return done.text

        assert run(talk()) == "done: acted"


@pytest.mark.parametrize("prompt", ["", "  ", 5, ["a"], {"type": "input_text"}, b"bytes"])
def test_what_is_no_prompt_is_refused(prompt: Any, tmp_path: Path) -> None:
    with running_in_thread(SAYS) as service:
        stack = Stack(folder=tmp_path, endpoint=service)
        with pytest.raises(UsageError, match="prompt"):
            stack.run(prompt)
        assert service.posts == 0


def test_what_is_no_conversation_is_refused(tmp_path: Path) -> None:
    with running_in_thread(SAYS) as service:
        stack = Stack(folder=tmp_path, endpoint=service)

        async def talk() -> None:
            async with stack.bridge() as bridge:
                result = await bridge.run("hi")
                for wrong in (result, bridge.dumps(result.conversation), 7):
                    with pytest.raises(UsageError, match=r"result\.conversation"):
                        await bridge.resume(cast("Any", wrong))
                with pytest.raises(UsageError, match="nothing is open"):
                    await bridge.resume(result.conversation)
                with pytest.raises(UsageError, match="needs a prompt"):
                    await bridge.run()
                with pytest.raises(UsageError, match="pydantic model"):
                    await bridge.run("hi", output_type=cast("Any", "x"))

        run(talk())


def test_a_bridge_says_that_it_is_an_async_context_manager(tmp_path: Path) -> None:
    with running_in_thread(SAYS) as service:
        bridge = Stack(folder=tmp_path, endpoint=service).bridge()
        with pytest.raises(UsageError, match="async with"), cast("Any", bridge):
            pass
        bridge.close_sync()


def test_tools_are_a_list(tmp_path: Path) -> None:
    with running_in_thread(SAYS) as service:
        stack = Stack(folder=tmp_path, endpoint=service)
        with pytest.raises(UsageError, match=r"tools=\["):
            Bridge.from_yaml(stack.config(), tools=cast("Any", act), sources=sources(stack.env))


def test_the_gate_takes_output_items(tmp_path: Path) -> None:
    with running_in_thread(SAYS) as service:
        stack = Stack(folder=tmp_path, endpoint=service)
        gate = Gate.from_yaml(stack.config(), sources=sources(stack.env))
        with gate, pytest.raises(UsageError, match=r"response\.output"):
            gate.settle_sync([7])


def test_a_person_who_has_gone_is_not_a_person_who_said_no(tmp_path: Path) -> None:
    def gone(_question: object) -> Any:
        raise NobodyThere("the terminal was closed")

    approver: Approver = CallbackApprover(gone)
    with running_in_thread(ASKS) as service:
        result = Stack(folder=tmp_path, endpoint=service).run("go", approver=approver, tools=[act])

        assert [decided.outcome for decided in result.denied] == ["no_approver"]


def test_a_run_that_failed_is_told_from_one_that_goes_on(tmp_path: Path) -> None:
    with running_in_thread("rules: [{when: {user: never}, then: []}]\n") as service:
        stack = Stack(folder=tmp_path, endpoint=service, policy=ALL_ALLOWED)
        with pytest.raises(ModelError):
            stack.run("hi")

        assert [record["status"] for record in stack.records("run_finished")] == ["failed"]


def test_a_question_at_the_terminal_is_on_record_before_it_is_answered(tmp_path: Path) -> None:
    with running_in_thread(ASKS) as service:
        stack = Stack(folder=tmp_path, endpoint=service)
        seen: list[int] = []

        def answer(_question: object) -> Approve:
            seen.append(len(stack.records("question_asked")))
            return Approve(by="ada")

        assert stack.run("go", approver=CallbackApprover(answer), tools=[act]).text == "done: acted"
        assert seen == [1]
