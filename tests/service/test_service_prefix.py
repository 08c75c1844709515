"""Encrypted reasoning opens only for its account and model family, and counts only in its place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.talking import ENCRYPTED, Item, Talk, function, only, output_of, talking, text_in, user

SCRIPT = r"""
rules:
- when: {user: "think"}
  then: [{reasoning: Hm., thought: "the plan is blue"}, {call: {name: clock}}]
- when: {user: "plan", sees: "the plan is blue"}
  then: [{say: remembered}]
- when: {user: "plan"}
  then: [{say: forgotten}]
- when: {function_output: clock}
  then: [{reasoning: Ah.}, {say: done}]
"""
SAID = {"type": "message", "role": "developer", "content": "Be brief."}


def thinking(talk: Talk, *before: Item) -> None:
    """A turn with reasoning in it: kept in the talk."""
    call = only(talk.say(*before, user("think"), include=[ENCRYPTED]), "function_call")
    talk.say(output_of(call, "noon"), include=[ENCRYPTED])


def plan(talk: Talk, **options: Any) -> tuple[str, list[Item]]:
    answered = talk.post(talk.body(user("plan"), **options)).json()
    return text_in(answered["output"]), answered.get("input_transformations", [])


def test_reasoning_in_its_place_is_seen() -> None:
    with talking(SCRIPT, function("clock")) as talk:
        thinking(talk, SAID)
        assert plan(talk) == ("remembered", [])


def edited(talk: Talk) -> None:
    talk.items[0] = user("Be quick.")


def inserted(talk: Talk) -> None:
    talk.items.insert(0, user("earlier"))


def removed(talk: Talk) -> None:
    del talk.items[0]


def another_role(talk: Talk) -> None:
    talk.items[0] = {**SAID, "role": "system"}


@pytest.mark.promise("prefix-bound")
@pytest.mark.parametrize("change", [edited, inserted, removed, another_role])
def test_reasoning_after_another_prefix_is_removed_and_the_response_says_so(change: Any) -> None:
    with talking(SCRIPT, function("clock")) as talk:
        thinking(talk, SAID)
        ids = [item["id"] for item in talk.items if item.get("type") == "reasoning"]
        change(talk)
        text, changes = plan(talk)
        assert text == "forgotten"
        assert changes == [
            {"id": one, "type": "reasoning", "action": "removed", "reason": "prefix_mismatch"} for one in ids
        ]


def test_only_reasoning_behind_the_change_is_removed() -> None:
    with talking(SCRIPT, function("clock")) as talk:
        thinking(talk, SAID)
        thinking(talk)
        middle = max(index for index, item in enumerate(talk.items) if item.get("role") == "user")
        talk.items[middle] = user("think again")
        text, changes = plan(talk)
        assert text == "remembered"
        assert len(changes) == 2


def as_parts(talk: Talk) -> None:
    """The same message in the longer form."""
    talk.items[0] = {**SAID, "content": [{"type": "input_text", "text": "Be brief."}]}


def without_type(talk: Talk) -> None:
    talk.items[0] = {"role": "developer", "content": "Be brief."}


def without_listing_or_assistant(talk: Talk) -> None:
    """What the model itself produced is no part of the prefix."""
    talk.items = [item for item in talk.items if item.get("role") != "assistant"]
    talk.items.append({"role": "assistant", "content": "so it was"})


def hosted_as_functions(talk: Talk) -> None:
    call = {"type": "function_call", "call_id": "call_x", "name": "tracker__list", "arguments": "{}"}
    talk.items[1:1] = [call, output_of(call, "an earlier result")]


@pytest.mark.parametrize(
    "change", [as_parts, without_type, without_listing_or_assistant, hosted_as_functions]
)
def test_what_the_caller_did_not_say_anew_keeps_the_prefix(change: Any) -> None:
    with talking(SCRIPT, function("clock")) as talk:
        thinking(talk, SAID)
        change(talk)
        assert plan(talk) == ("remembered", [])


def test_instructions_are_no_part_of_the_prefix() -> None:
    with talking(SCRIPT, function("clock")) as talk:
        thinking(talk, SAID)
        assert plan(talk, instructions="Now be long.") == ("remembered", [])


def test_a_snapshot_is_of_its_family_and_another_model_is_not() -> None:
    with talking(SCRIPT, function("clock"), models=("blue", "blue-2026-01-31", "red")) as talk:
        talk.options = {"model": "blue"}
        thinking(talk)
        assert plan(talk, model="blue-2026-01-31") == ("remembered", [])
        assert talk.refused(user("plan"), model="red")["code"] == "invalid_encrypted_content"


def test_a_stored_chain_has_the_same_prefix_as_its_items() -> None:
    with talking(SCRIPT, function("clock")) as talk:
        first = talk.post(talk.body(SAID, user("think"), store=True, include=[ENCRYPTED])).json()
        call = only(first["output"], "function_call")
        chained = talk.body(output_of(call, "noon"), store=True, previous_response_id=first["id"])
        second = talk.post({**chained, "include": [ENCRYPTED]}).json()
        talk.items = [SAID, user("think"), *first["output"], output_of(call, "noon"), *second["output"]]
        assert plan(talk) == ("remembered", [])
        by_id = {**talk.body(store=True, previous_response_id=second["id"]), "input": [user("plan")]}
        assert text_in(talk.post(by_id).json()["output"]) == "remembered"
