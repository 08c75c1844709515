"""100,000 generated calls against 100 generated policies, from the text on the wire to the ruling."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from mcpbridge.core.action import Action, ToolDefinition
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.policy import Facts, load_policy, rule

from . import generated, reference
from .calls import call as action

SHARDS, POLICIES, CALLS = 20, 5, 1000


@pytest.mark.promise("fuzzed")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_ruling_on_generated_calls_equals_the_reference(shard: int) -> None:
    random = Random(shard)
    for _ in range(POLICIES):
        rules = generated.rules(random)
        decision, unknown = random.choice(["ask", "deny"]), random.choice(["ask", "deny"])
        text = json.dumps(
            {"version": 1, "defaults": {"decision": decision, "unknown_tool": unknown}, "rules": rules}
        )
        policy = load_policy(text, file="p.yaml")
        for _ in range(CALLS):
            made = generated.call(random)
            ruling = rule(to_action(made), [policy], facts_of(made))
            expected = expect(rules, decision, unknown, made)
            found = (ruling.effect.value, {match.rule_id for match in ruling.matches})
            assert found == expected, (rules, made)
            assert ruling.reason


def test_the_shards_hold_a_hundred_policies_and_a_hundred_thousand_calls() -> None:
    assert (SHARDS * POLICIES, SHARDS * POLICIES * CALLS) == (100, 100_000)


def to_action(made: dict[str, Any]) -> Action:
    try:
        return action(made["name"], parse_arguments(made["text"]))
    except MalformedArguments as error:
        return action(made["name"], malformed=str(error))


def facts_of(made: dict[str, Any]) -> Facts:
    hints = made["hints"]
    return Facts(
        principal=made["principal"],
        groups=made["groups"],
        known_tool=made["known"],
        user_texts=tuple(made["user"]),
        definition=None if hints is None else ToolDefinition(name="x", annotations=hints),
        trust_annotations=hints is not None,
    )


def expect(
    rules: list[dict[str, Any]], decision: str, unknown: str, made: dict[str, Any]
) -> tuple[str, set[str]]:
    arguments = read(made["text"])
    if not isinstance(arguments, dict):
        return "deny", set()
    return reference.decide(rules, decision, unknown, {**made, "arguments": arguments})


def read(text: str) -> Any:
    """JSON as the reference reads it: numbers with a point as they are written; None for malformed."""
    try:
        found = json.loads(text, parse_float=decimal, parse_constant=refuse, object_pairs_hook=unique)
        json.dumps(found, default=str, ensure_ascii=False).encode()
    except ValueError:
        return None
    return found


def decimal(text: str) -> Decimal:
    if abs(float(text)) == float("inf"):
        raise ValueError(text)
    return Decimal(text)


def refuse(text: str) -> Any:
    raise ValueError(text)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError(pairs)
    return dict(pairs)
