"""Arguments that somebody wrote in place of the model's and that do not fit the tool: no decision at all."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import (
    Approve,
    Approver,
    Bridge,
    CallbackApprover,
    Conversation,
    Deny,
    EditRefused,
    Gate,
    MemoryAudit,
    Question,
    Result,
    ScriptedApprover,
    TerminalApprover,
    UsageError,
)
from mcpbridge.config import Configuration, load_config_text
from mcpbridge.core.ruling import Answer
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread
from mcpbridge.testing import function_call
from tests.wire.stack import sources
from tests.wire.test_edited_arguments import SCRIPT, Till, of

TWICE = """
  - when: {user: "both"}
    then: [{call: {name: pay, arguments: {amount: 1}}}, {call: {name: pay, arguments: {amount: 2}}}]
"""
UNFIT: list[dict[str, Any]] = [{"amount": "much"}, {"amount": float("nan")}, {"amount": 5, "tip": 1}, {}]
FIT = {"amount": 5}


@pytest.fixture
def service() -> Generator[LocalEndpoint, None, None]:
    with running_in_thread(SCRIPT.rstrip("\n") + TWICE) as endpoint:
        yield endpoint


class Shop:
    """A function that a person is asked about, behind the gate, for as many runs as one likes."""

    def __init__(self, folder: Path, service: LocalEndpoint) -> None:
        self.folder, self.service = folder, service
        self.audit, self.till = MemoryAudit(), Till()
        self.options: dict[str, Any] = {
            "sources": sources({"KEY": service.api_key}),
            "tools": [self.till.pay],
            "audit": self.audit,
        }
        self.rules = "[]"

    def config(self) -> Configuration:
        (self.folder / "policy.yaml").write_text(
            f"version: 1\ndefaults: {{decision: ask}}\nrules: {self.rules}\n"
        )
        url = self.service.base_url
        return load_config_text(
            f'model: {{name: m, endpoint: local, url: "{url}", api_key: "${{env:KEY}}"}}\n'
            "policy: policy.yaml\n",
            file="mcpbridge.yaml",
            directory=self.folder,
        )

    def run(self, prompt: str, approver: Approver | None = None) -> Result:
        async def whole() -> Result:
            async with Bridge.from_yaml(self.config(), approver=approver, **self.options) as bridge:
                return await bridge.run(prompt)

        return asyncio.run(whole())

    def resume(self, state: Conversation, decisions: Mapping[str, Answer]) -> Result:
        async def whole() -> Result:
            async with Bridge.from_yaml(self.config(), **self.options) as bridge:
                return await bridge.resume(state, decisions=decisions)

        return asyncio.run(whole())

    def of(self, *types: str) -> list[Mapping[str, Any]]:
        return [record for type_ in types for record in of(self.audit, type_)]


@pytest.fixture
def shop(tmp_path: Path, service: LocalEndpoint) -> Shop:
    return Shop(tmp_path, service)


def writes(arguments: Any) -> CallbackApprover:
    return CallbackApprover(lambda _: Approve(arguments=arguments, by="ana"))


@pytest.mark.promise("edited-arguments-unfit")
@pytest.mark.parametrize("arguments", UNFIT)
def test_a_callback_that_writes_what_does_not_fit_has_decided_nothing(arguments: Any, shop: Shop) -> None:
    result = shop.run("pay", writes(arguments))

    assert (result.paused, shop.till.paid) == (True, [])
    assert shop.of("decision", "arguments_edited") == []
    assert len(shop.of("question_asked")) == 1
    [notice] = [one for one in result.notices if one.type == "edit_refused"]
    [question] = result.questions
    assert notice.fields == {"request_id": question.action.request_id, "approver": "ana"}
    assert "local.pay" in notice.message
    assert "it waits still" in notice.message

    done = shop.resume(result.conversation, {question.action.request_id: Approve(arguments=FIT)})

    assert (done.paused, shop.till.paid) == (False, [5])
    assert [record["outcome"] for record in shop.of("decision")] == ["human_allow"]


@pytest.mark.promise("edited-arguments-unfit")
@pytest.mark.parametrize("arguments", UNFIT)
def test_a_resume_with_what_does_not_fit_is_an_error_and_the_call_waits_still(
    arguments: Any, shop: Shop
) -> None:
    paused = shop.run("pay")
    [question] = paused.questions
    call = question.action.request_id

    with pytest.raises(EditRefused) as refused:
        shop.resume(paused.conversation, {call: Approve(arguments=arguments, by="ana")})

    assert refused.value.request_id == call
    assert "what was written instead for local.pay cannot be used" in str(refused.value)
    assert "decide again" in str(refused.value)
    after = refused.value.conversation
    assert after is not None
    assert [one.id for one in after.pending] == [call]
    assert shop.of("decision", "arguments_edited") == []
    done = shop.resume(after, {call: Approve(arguments=FIT)})
    assert (done.paused, shop.till.paid) == (False, [5])


@pytest.mark.promise("edited-arguments-unfit")
def test_nothing_else_is_decided_by_answers_of_which_one_does_not_fit(shop: Shop) -> None:
    paused = shop.run("both")
    first, second = (question.action.request_id for question in paused.questions)

    with pytest.raises(EditRefused):
        shop.resume(paused.conversation, {first: Approve(), second: Approve(arguments=UNFIT[0])})

    assert shop.of("decision") == []
    assert shop.till.paid == []


@pytest.mark.promise("edited-arguments-unfit")
def test_a_yes_to_the_next_question_never_stands_for_what_was_refused(shop: Shop) -> None:
    answers = ScriptedApprover([Approve(arguments=UNFIT[0]), "yes"])

    result = shop.run("both", answers)

    assert [question.action.arguments for question in result.questions] == [{"amount": 1}]
    assert shop.till.paid == [2]


@pytest.mark.promise("edited-arguments-unfit")
def test_where_nothing_can_wait_it_is_no_approval_and_the_reason_is_told(shop: Shop) -> None:
    gate = Gate.from_yaml(shop.config(), approver=writes(UNFIT[0]), **shop.options)

    [answer] = asyncio.run(gate.settle([function_call("pay", {"amount": 9}, call_id="call_1")]))

    assert shop.till.paid == []
    assert "what was written instead for local.pay cannot be used" in answer["output"]
    [decision] = shop.of("decision")
    assert (decision["outcome"], decision["arguments"], decision["approver"]) == (
        "error",
        {"amount": 9},
        "ana",
    )
    assert shop.of("arguments_edited") == []


def test_what_was_written_runs_also_where_the_rules_allow_the_call_by_now(shop: Shop) -> None:
    paused = shop.run("pay")
    [question] = paused.questions
    shop.rules = "[{id: pay, effect: allow, tools: [local.pay]}]"

    shop.resume(paused.conversation, {question.action.request_id: Approve(arguments=FIT)})

    assert shop.till.paid == [5]


@pytest.mark.promise("edited-arguments-unfit")
def test_at_the_terminal_it_is_told_at_once_and_asked_for_again(shop: Shop) -> None:
    shown = io.StringIO()
    typed = io.StringIO('e\n{"amount": "much"}\ne\n{"amount": 5}\ny\n')

    result = shop.run("pay", TerminalApprover(typed, shown, user="ana", environ={}))

    assert (result.paused, shop.till.paid) == (False, [5])
    assert "Not changed: " in shown.getvalue()
    assert "amount" in shown.getvalue().partition("Not changed: ")[2].partition("\n")[0]
    assert shown.getvalue().count("Run it with these arguments?") == 1


@pytest.mark.promise("edited-arguments-unfit")
def test_a_no_beside_it_and_rules_that_deny_hold_as_ever(shop: Shop) -> None:
    paused = shop.run("pay")
    [question] = paused.questions

    shop.resume(paused.conversation, {question.action.request_id: Deny(by="ana")})

    assert [record["outcome"] for record in shop.of("decision")] == ["human_deny"]


def test_an_approver_can_hold_its_arguments_against_the_tool_before_it_answers(shop: Shop) -> None:
    found: list[str | None] = []

    def look(question: Question) -> Deny:
        assert question.objection is not None
        found.extend(question.objection(one) for one in (UNFIT[0], FIT))
        return Deny()

    shop.run("pay", CallbackApprover(look))

    wrong, right = found
    assert wrong is not None
    assert "amount" in wrong
    assert right is None


def test_an_unknown_outcome_is_repeated_as_it_was_or_not_at_all(shop: Shop) -> None:
    paused = shop.run("pay")
    [question] = paused.questions
    call = question.action.request_id
    begun = paused.conversation.beginning(call)

    with pytest.raises(UsageError, match="cannot be repeated with other arguments"):
        shop.resume(begun, {call: Approve(arguments=FIT)})

    assert shop.till.paid == []
