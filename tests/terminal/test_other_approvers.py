"""Approvers without a terminal: callbacks, scripts, nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any, cast

import pytest

from mcpbridge.adapters.approvers import CallbackApprover, DenyApprover, ScriptedApprover
from mcpbridge.adapters.terminal import TerminalApprover
from mcpbridge.core.action import Action
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Deny, Effect, Ruling
from mcpbridge.errors import UsageError
from mcpbridge.ports import Approver

QUESTION = Question(
    action=Action(
        request_id="c1", server_label="local", tool="f", via="local", arguments={}, raw_arguments="{}"
    ),
    ruling=Ruling(effect=Effect.ASK, outcome=None, reason=""),
    conversation_id="conv_1",
    principal="",
    screen="may f run?",
)


def ask(approver: Approver, times: int = 1) -> list[Answer]:
    async def asked() -> list[Answer]:
        return [await approver.ask(QUESTION) for _ in range(times)]

    return asyncio.run(asked())


def test_every_approver_has_the_shape_of_the_port() -> None:
    kinds: tuple[type[Approver], ...] = (TerminalApprover, CallbackApprover, ScriptedApprover, DenyApprover)
    assert len(kinds) == 4


def test_an_async_callback_decides() -> None:
    async def decide(question: Question) -> Answer:
        return Approve(by=question.screen)

    assert ask(CallbackApprover(decide)) == [Approve(by="may f run?")]


def test_a_sync_callback_decides_in_a_thread_so_that_it_may_block() -> None:
    threads: list[threading.Thread] = []

    def decide(question: Question) -> Answer:
        threads.append(threading.current_thread())
        return Deny(by="oncall", reason=question.action.name)

    assert ask(CallbackApprover(decide)) == [Deny(by="oncall", reason="local.f")]
    assert threads[0] is not threading.main_thread()


def test_a_sync_callback_may_return_something_to_await() -> None:
    async def later() -> Answer:
        return Approve(by="oncall")

    def decide(question: Question) -> Awaitable[Answer]:
        return later()

    assert ask(CallbackApprover(decide)) == [Approve(by="oncall")]


@pytest.mark.parametrize("answer", [True, "yes", None, {"approve": True}])
def test_what_is_no_decision_is_passed_through_for_the_engine_to_refuse(answer: object) -> None:
    approver = CallbackApprover(lambda question: cast("Any", answer))
    assert ask(approver) == [answer]


def test_what_a_callback_raises_is_passed_through() -> None:
    def decide(question: Question) -> Answer:
        raise LookupError("pager is down")

    with pytest.raises(LookupError, match="pager is down"):
        ask(CallbackApprover(decide))


def test_a_callback_that_raises_stop_iteration_does_not_hang() -> None:
    answers = iter(list[Answer]())
    with pytest.raises(RuntimeError, match="StopIteration"):
        ask(CallbackApprover(lambda question: next(answers)))


def test_a_script_answers_in_order_and_then_denies() -> None:
    approver = ScriptedApprover(["yes", "no:use staging", "always", Deny(by="lin", reason="no")])
    assert approver.remaining == 4
    assert ask(approver, 5) == [
        Approve(by="script"),
        Deny(by="script", reason="use staging"),
        Approve(by="script", always=True),
        Deny(by="lin", reason="no"),
        Deny(by="script", reason="no answer scripted"),
    ]
    assert approver.remaining == 0


def test_a_script_is_read_from_the_command_lines_text() -> None:
    approver = ScriptedApprover.from_text("y, n ,NO: not now ,A,", by="demo")
    assert ask(approver, 4) == [
        Approve(by="demo"),
        Deny(by="demo"),
        Deny(by="demo", reason="not now"),
        Approve(by="demo", always=True),
    ]


def test_an_empty_text_scripts_nothing() -> None:
    assert ScriptedApprover.from_text("").remaining == 0


@pytest.mark.parametrize("answer", ["maybe", "", "yes:because", "always:"])
def test_an_answer_that_is_none_is_refused_before_anything_is_asked(answer: str) -> None:
    with pytest.raises(UsageError, match="use yes, always, no or no:reason"):
        ScriptedApprover([answer])


def test_nobody_denies_and_says_that_nobody_is_there() -> None:
    assert ask(DenyApprover()) == [Deny(reason="nobody is there to ask")]
    assert DenyApprover().absent is True
