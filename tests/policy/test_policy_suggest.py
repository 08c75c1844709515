"""A rule that is offered for what a person keeps allowing: as narrow as the calls, tried, and a diff only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mcpbridge import Approve
from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Effect, Ruling
from mcpbridge.engine.events import Notice
from mcpbridge.policy import Facts, Policy, load_policy, rule
from mcpbridge.policy.suggest import Suggestion, suggest
from mcpbridge.testing import approval_request, mcp_call, message, response
from tests.engine.scene import Asked, Scene, said

from .calls import call

POLICY = (
    "version: 1\ndefaults: {decision: ask}\nrules:\n  - id: reads\n    effect: allow\n    tools: [a.read]\n"
)


def offered(*arguments: dict[str, Any], text: str = POLICY, user: str = "") -> Suggestion | None:
    calls = [call("bank.pay", one) for one in arguments]
    return suggest(calls, [load_policy(text, file="p.yaml")], (user,) if user else (), ruled(user))


def ruled(user: str) -> Any:
    def rules(action: Action, policies: Sequence[Policy]) -> Ruling:
        return rule(action, policies, Facts(principal="ana", user_texts=(user,) if user else ()))

    return rules


def patched(found: Suggestion | None, text: str = POLICY) -> Policy:
    """What somebody has who takes the diff."""
    assert found is not None
    kept = [line for line in found.diff.splitlines()[2:] if not line.startswith("@@")]
    added = "\n".join(line[1:] for line in kept if line.startswith("+"))
    return load_policy(f"{text.rstrip()}\n{added}\n", file="p.yaml")


@pytest.mark.promise("rule-suggestion")
def test_the_same_values_are_named_others_are_listed_and_nothing_else_passes() -> None:
    found = offered(
        {"to": "DE89", "amount": 5, "currency": "EUR"},
        {"to": "DE89", "amount": 7, "currency": "EUR"},
        {"to": "DE89", "amount": 5, "currency": "EUR", "note": "x"},
    )

    policy = patched(found)
    assert found is not None
    assert found.rule_id == "allow-bank-pay"

    def effect(arguments: dict[str, Any]) -> Effect:
        return rule(call("bank.pay", arguments), [policy], Facts(principal="ana")).effect

    assert effect({"to": "DE89", "amount": 7, "currency": "EUR"}) is Effect.ALLOW
    assert effect({"to": "DE89", "amount": 6, "currency": "EUR"}) is Effect.ASK
    assert effect({"to": "DE90", "amount": 5, "currency": "EUR"}) is Effect.ASK
    assert effect({"to": "DE89", "amount": 5, "currency": "EUR", "extra": 1}) is Effect.ASK


def test_values_that_the_user_wrote_become_grounded() -> None:
    user = "pay DE8911, DE8922 and DE8933"

    found = offered({"to": "DE8911"}, {"to": "DE8922"}, {"to": "DE8933"}, user=user)

    assert found is not None
    assert '+      "to": {grounded: user_text}' in found.diff.replace("        ", "      ")


def test_lists_are_bound_item_by_item_and_objects_field_by_field() -> None:
    found = offered(
        {"cc": ["a@x.example"], "at": {"city": "Bonn"}},
        {"cc": ["b@x.example", "a@x.example"], "at": {"city": "Bonn"}},
        {"cc": ["a@x.example"], "at": {"city": "Bonn"}},
    )

    policy = patched(found)

    def effect(arguments: dict[str, Any]) -> Effect:
        return rule(call("bank.pay", arguments), [policy], Facts(principal="ana")).effect

    assert effect({"cc": ["b@x.example"], "at": {"city": "Bonn"}}) is Effect.ALLOW
    assert effect({"cc": ["c@x.example"], "at": {"city": "Bonn"}}) is Effect.ASK
    assert effect({"cc": ["b@x.example"], "at": {"city": "Rome"}}) is Effect.ASK
    assert effect({"cc": [], "at": {"city": "Bonn"}}) is Effect.ASK


@pytest.mark.parametrize(
    "text",
    [
        f"{POLICY}  - {{id: must-ask, effect: ask, tools: [bank.pay]}}\n",
        "version: 1\ndefaults: {decision: ask}\nrules: [{id: r, effect: allow, tools: [a.read]}]\n",
    ],
    ids=["a rule asks in any case", "written in another way"],
)
def test_what_would_not_help_or_cannot_be_inserted_is_not_offered(text: str) -> None:
    assert offered({"to": "a"}, {"to": "a"}, {"to": "a"}, text=text) is None


@pytest.mark.parametrize(
    "arguments",
    [{"to": None}, {"to": "x" * 300}, {"a.b": 1}, {"ok?": 1}, {"list": [{"a": 1}]}],
    ids=["null", "long text", "dot", "question mark", "list of objects"],
)
def test_what_no_rule_can_name_is_not_offered(arguments: dict[str, Any]) -> None:
    assert offered(arguments, arguments, arguments) is None


def test_calls_without_arguments_and_an_empty_list_of_rules_work_too() -> None:
    text = "version: 1\ndefaults: {decision: ask}\nrules: []  # none yet\n"

    found = offered({}, {}, {}, text=text)

    assert found is not None
    assert "+  - id: allow-bank-pay" in found.diff


@pytest.mark.promise("rule-suggestion")
def test_it_is_offered_once_after_the_third_yes_and_never_applied() -> None:
    policy = load_policy("version: 1\ndefaults: {decision: ask}\nrules: []\n", file="p.yaml")
    person, notices = Asked(answer=Approve()), list[int]()
    steps = [step for number in range(5) for step in reading(number)]
    scene, conversation = Scene(policy=policy, approver=person, steps=steps), said()

    for _ in range(5):
        run = scene.run(conversation)
        notices.append(sum(one.type == "rule_suggested" for one in run.of(Notice)))
        conversation = run.conversation.say("again")

    assert notices == [0, 0, 1, 0, 0]
    assert len(person.questions) == 5


def reading(number: int) -> list[dict[str, Any]]:
    """The model asks to read a file, and says so when it has."""
    asks = {**approval_request("files", "read", {"path": "a"}), "id": f"mcpr_{number}"}
    done = mcp_call("files", "read", {"path": "a"}, approval_request_id=f"mcpr_{number}")
    return [response(asks), response({**done, "id": f"mcp_{number}"}, message("ok"))]
