"""A replay that answers agrees with the gate, whatever the hidden values were."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.policy import Facts, rule
from mcpbridge.policy.replay import HIDDEN, PastCall, replay
from tests.policy.calls import call, policy

RULES: Final = (
    "  - {id: a%d, effect: allow, tools: [x.t], when: {f: {le: 5}}}\n",
    "  - {id: b%d, effect: deny, tools: [x.t], when: {f: {gt: 3}, 'g?': {eq: s}}}\n",
    "  - {id: c%d, effect: ask, tools: ['x.*'], when: {g: {in: [s, u]}}}\n",
    "  - {id: d%d, effect: allow, tools: [x.t], when: {'f?': {ge: 0}, 'g?': {grounded: user_text}}}\n",
    "  - {id: e%d, effect: deny, tools: [x.t], who: {groups: [ops]}, when: {f: {ne: 4}}}\n",
    "  - {id: f%d, effect: allow, tools: [x.t], when: {o.i: {eq: s}}, other_arguments: any}\n",
    "  - {id: g%d, effect: deny, tools: [x.t], when: {g: {no_new_links: user_text}}}\n",
    "  - {id: h%d, effect: allow, tools: [x.t], when: {g: {any_of: [{eq: s}, {grounded: user_text}]}}}\n",
)  # fmt: skip
VALUES: Final[Mapping[str, tuple[Any, ...]]] = {
    "f": (4, 5.5, -1, None, "s"),
    "g": ("s", "ana@corp.example", "https://evil.example", 7),
    "o": ({"i": "s"}, {"i": "t", "j": 1}, "s"),
}
WORLDS: Final = tuple(
    Facts(principal="ana", groups=groups, user_texts=texts, known_tool=known)
    for groups, texts, known in product(
        (frozenset[str](), frozenset({"ops"})),
        ((), ("s 4 ana@corp.example https://evil.example",)),
        (True, False),
    )
)


@pytest.mark.promise("replay-honest")
@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(RULES), min_size=1, max_size=4, unique=True),
    st.dictionaries(st.sampled_from(["f", "g", "o"]), st.integers(0, 4)),
    st.sets(st.sampled_from(["f", "g", "o", "all", "groups", "known"])),
    st.sampled_from(["ask", "deny"]),
)
def test_an_answer_holds_in_every_world_that_the_log_leaves_open(
    rules: list[str], chosen: dict[str, int], hidden: set[str], default: str
) -> None:
    made = policy(
        "".join(one % place for place, one in enumerate(rules)), defaults=f"{{decision: {default}}}"
    )
    arguments = {name: VALUES[name][at % len(VALUES[name])] for name, at in chosen.items()}
    shown: dict[str, object] = {
        name: HIDDEN if name in hidden else value for name, value in arguments.items()
    }
    past = PastCall(
        name="x.t",
        arguments=None if "all" in hidden else shown,
        principal="ana",
        groups=None if "groups" in hidden else frozenset(),
        known_tool=None if "known" in hidden else True,
    )
    found = replay(past, [made])
    effects = {
        rule(call("x.t", world_arguments), [made], facts).effect
        for world_arguments in open_to(arguments, hidden)
        for facts in WORLDS
        if ("groups" in hidden or not facts.groups) and ("known" in hidden or facts.known_tool)
    }
    assert effects <= set(found.possible)
    assert found.effect is None or effects == {found.effect}


def open_to(arguments: dict[str, Any], hidden: set[str]) -> list[dict[str, Any]]:
    """All arguments that look like these in the log."""
    if "all" in hidden:
        choices = [[*VALUES[name], ...] for name in VALUES]
        made = [dict(zip(VALUES, values, strict=True)) for values in product(*choices)]
        return [{name: value for name, value in one.items() if value is not ...} for one in made]
    each = [VALUES[name] if name in hidden else (value,) for name, value in arguments.items()]
    return [dict(zip(arguments, values, strict=True)) for values in product(*each)]
