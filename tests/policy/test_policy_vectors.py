"""Every vector, for a rule of each effect, from the text on the wire on."""

from __future__ import annotations

import json

import pytest

from mcpbridge.core.action import Action, ToolDefinition
from mcpbridge.core.ruling import Effect, Outcome
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.policy import Facts, rule

from . import vectors
from .calls import call, policy

VECTORS = vectors.load(*vectors.FILES)


@pytest.mark.promise("vectors")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_a_matcher_decides_as_its_vector_says(vector: vectors.Vector) -> None:
    facts = Facts(principal="ana", user_texts=vector.user_texts)
    for effect in Effect:
        when = json.dumps({"x": vector.matchers})
        made = policy(f"  - {{id: r, effect: {effect.value}, tools: [a.b], when: {when}}}")
        ruling = rule(call("a.b", parse_arguments(vector.arguments)), [made], facts)
        matched = vector.truth is True or (vector.truth is None and effect is not Effect.ALLOW)
        assert [match.rule_id for match in ruling.matches] == (["r"] if matched else [])
        assert all(match.undecided is (vector.truth is None) for match in ruling.matches)
        assert ruling.effect is (effect if matched else Effect.ASK)


def test_there_are_enough_vectors_and_none_stands_twice() -> None:
    names = [vector.name for vector in VECTORS]
    assert len(names) == len(set(names)) >= 800


RULES = vectors.load_rules()


@pytest.mark.promise("vectors")
@pytest.mark.parametrize("vector", RULES, ids=lambda vector: vector.name)
def test_a_rule_decides_as_its_vector_says(vector: vectors.RuleVector) -> None:
    definition = None
    if vector.annotations is not None:
        definition = ToolDefinition(name="b", annotations=vector.annotations)
    facts = Facts(
        principal="ana",
        user_texts=vector.user_texts,
        definition=definition,
        trust_annotations=vector.trusted,
    )
    ruling = rule(from_wire(vector.arguments), [policy(f"  - {json.dumps(vector.rule)}")], facts)
    assert ruling.effect.value == vector.effect
    assert ruling.reason


def from_wire(text: str) -> Action:
    try:
        return call("a.b", parse_arguments(text))
    except MalformedArguments as error:
        return call("a.b", malformed=str(error))


MALFORMED = [vector.arguments for vector in RULES if from_wire(vector.arguments).malformed]


@pytest.mark.promise("vectors")
@pytest.mark.parametrize("text", MALFORMED)
def test_no_malformed_call_is_allowed_by_any_rule_of_the_vectors(text: str) -> None:
    for vector in RULES:
        made = policy(f"  - {json.dumps(vector.rule)}")
        loose = policy(defaults="{decision: allow, i_accept: allow_by_default}")
        for policies in ([made], [loose]):
            facts = Facts(principal="ana", user_texts=vector.user_texts, trust_annotations=True)
            assert rule(from_wire(text), policies, facts).outcome is Outcome.MALFORMED
