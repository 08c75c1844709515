"""What holds for every draft, whatever a server writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.ruling import Effect
from mcpbridge.policy import Facts, load_policy, rule
from mcpbridge.policy.draft import Toolbox, draft
from mcpbridge.policy.draft.vocabulary import ROLES, VERBS
from mcpbridge.policy.lint import Known, lint
from tests.policy.calls import call

VERB = st.sampled_from(sorted(word for known in VERBS.values() for word in known))
NOUN = st.sampled_from(sorted(word for known in ROLES.values() for word in known))
ANY_TEXT = st.text(max_size=12)
WORDS = st.lists(VERB | NOUN, min_size=1, max_size=3).map("_".join)
NAMES = WORDS | ANY_TEXT.filter(bool)
CHOICES = st.lists(NOUN | ANY_TEXT | st.integers(-9, 9) | st.booleans(), min_size=1, max_size=4)
SHAPES: Any = st.one_of(
    st.sampled_from(["string", "number", "integer", "boolean", "object", "array"]).map(
        lambda kind: {"type": kind}
    ),
    CHOICES.map(lambda choices: {"enum": choices}),
    CHOICES.map(lambda choices: {"type": "string", "enum": choices}),
    st.just({"type": "array", "items": {"type": "string"}}),
    st.just({"anyOf": [{"type": "string"}, {"type": "null"}]}),
    st.just({"$ref": "#/properties/a"}),
    st.sampled_from(["uri", "email", "date", "uuid"]).map(lambda name: {"type": "string", "format": name}),
    st.none() | st.booleans(),
)


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, SHAPES, max_size=4))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    return {"type": "object", "properties": properties, "required": required}


HINTS = st.dictionaries(
    st.sampled_from(["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint", "title"]),
    st.booleans() | st.just("yes"),
)
TOOLS = st.builds(
    ToolDefinition, name=NAMES, description=ANY_TEXT | WORDS, input_schema=schemas(), annotations=HINTS
)
BOXES = st.lists(TOOLS, min_size=1, max_size=4, unique_by=lambda tool: tool.name).map(
    lambda tools: Toolbox(label="x", source="test", tools=tuple(tools))
)
VALUES: Any = st.sampled_from(
    [
        "Ana Berg",
        "ana@corp.example",
        "see https://evil.example/x",
        "low",
        7,
        7.5,
        True,
        None,
        ["Ana Berg"],
        [7],
        dict[str, Any](),
    ]
)
SAID = "Please tell Ana Berg, ana@corp.example, 7 times."


@pytest.mark.promise("drafted-policy")
@given(BOXES)
def test_every_draft_loads(box: Toolbox) -> None:
    policy = load_policy(draft([box]), file="draft.yaml")
    named = {glob.pattern for one in policy.rules for glob in one.tools}
    assert named <= {f"x.{tool.name}" for tool in box.tools}


@given(BOXES)
def test_nothing_in_a_draft_is_questionable_to_the_linter(box: Toolbox) -> None:
    known = Known(
        labels=frozenset({"x"}),
        listed={"x": frozenset(tool.name for tool in box.tools)},
        definitions={f"x.{tool.name}": tool for tool in box.tools},
    )
    assert lint(load_policy(draft([box]), file="draft.yaml"), known) == []


@given(BOXES, st.randoms(use_true_random=False))
def test_the_order_of_the_tools_does_not_matter(box: Toolbox, random: Any) -> None:
    tools = list(box.tools)
    random.shuffle(tools)
    assert draft([replace(box, tools=tuple(tools))]) == draft([box])


@pytest.mark.promise("annotations-only-tighten")
@given(TOOLS, st.data())
def test_an_annotation_never_loosens(tool: ToolDefinition, data: st.DataObject) -> None:
    names = sorted(tool.input_schema["properties"])
    arguments: dict[str, Any] = {name: data.draw(VALUES) for name in names if data.draw(st.booleans())}
    bare = replace(tool, annotations={})
    with_hints, without = (
        rule(
            call(f"x.{tool.name}", arguments),
            [load_policy(draft([Toolbox(label="x", source="test", tools=(one,))]), file="draft.yaml")],
            Facts(principal="ana", user_texts=(SAID,)),
        ).effect
        for one in (tool, bare)
    )
    assert with_hints is not Effect.ALLOW or without is Effect.ALLOW


@given(TOOLS)
def test_a_draft_denies_nothing_and_allows_nothing_by_default(tool: ToolDefinition) -> None:
    policy = load_policy(draft([Toolbox(label="x", source="test", tools=(tool,))]), file="draft.yaml")
    assert policy.defaults.decision is Effect.ASK
    assert policy.defaults.unknown_tool is Effect.DENY
    assert all(one.effect in (Effect.ALLOW, Effect.ASK) for one in policy.rules)
