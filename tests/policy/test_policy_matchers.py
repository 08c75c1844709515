"""Vectors: matcher and value → what an allow rule and a deny rule make of it."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.core.ruling import Effect

from .calls import ruled

NAN, INF = float("nan"), float("inf")
YES, NO, UNDECIDED = "yes", "no", "undecided"
MISSING = object()

NOT_TEXTS: list[Any] = [MISSING, None, 5, 5.0, True, ["EUR"], {"a": "EUR"}, NAN]
NOT_NUMBERS: list[Any] = [MISSING, None, "50", "", True, False, [50], {"a": 50}, NAN, INF, -INF]
NOT_LISTS: list[Any] = [MISSING, None, "ab", 5, True, {"0": "a"}, NAN]

DECIDED: list[tuple[str, list[Any], list[Any], list[Any]]] = [
    # matchers, values that pass, values that fail, values it cannot decide about
    ("{eq: EUR}", ["EUR"], ["eur", "EUR ", "", "\u0395UR", "\uff25UR", "EUR\u200b", "EUR\x00"], NOT_TEXTS),
    ("{eq: 5}", [5, 5.0], [6, 5.000001, -5, 10**400], NOT_NUMBERS),
    ("{eq: true}", [True], [False], [MISSING, None, 1, 1.0, "true", [True], NAN]),
    ("{ne: EUR}", ["USD", "eur", ""], ["EUR"], NOT_TEXTS),
    ("{ne: 0}", [1, -0.5], [0, 0.0, -0.0], NOT_NUMBERS),
    ("{in: [EUR, USD]}", ["EUR", "USD"], ["GBP", "usd", "EUR,USD", ""], NOT_TEXTS),
    ("{in: [1, a]}", [1, 1.0, "a"], [2, "1", "A"], [MISSING, None, True, [1], {}, NAN]),
    ("{not_in: [root, admin]}", ["ana", "Root", "root "], ["root", "admin"], NOT_TEXTS),
    ("{not_in: [1]}", [2], [1, 1.0], NOT_NUMBERS),
    ("{gt: 0}", [1, 0.0001, 10**400], [0, -1, -0.0, -(10**400)], NOT_NUMBERS),
    ("{ge: 0}", [0, -0.0, 1], [-1, -1e-9], NOT_NUMBERS),
    ("{lt: 100}", [99, 99.999, -5], [100, 100.0, 1e300], NOT_NUMBERS),
    ("{le: 100}", [100, 100.0, 0], [100.0001, 101], NOT_NUMBERS),
    ("{gt: 0, le: 100}", [1, 100], [0, 101], NOT_NUMBERS),
    ("{le: 0.3}", [0.3], [0.30000000000000004], NOT_NUMBERS),
    ("{le: 9007199254740992}", [2**53], [2**53 + 1], NOT_NUMBERS),
    ("{type: string}", ["", "5"], [5, True, [], {}], [MISSING, None, NAN]),
    ("{type: number}", [5, 5.5, 10**400], ["5", True, [], {}], [MISSING, None, NAN, INF]),
    ("{type: integer}", [5, 5.0, 10**400], [5.5, "5", True, []], [MISSING, None, NAN, INF]),
    ("{type: boolean}", [True, False], [0, 1, "true"], [MISSING, None, NAN]),
    ("{type: array}", [[], [None]], ["a", {}, 0], [MISSING, None, NAN]),
    ("{type: object}", [{}, {"a": None}], ["a", [], 0], [MISSING, None, NAN]),
    ("{min_len: 2}", ["ab", "äöü", "😀😀"], ["", "a", "😀"], NOT_TEXTS),
    ("{max_len: 2}", ["", "ab", "😀😀"], ["abc", "e\u0301x"], NOT_TEXTS),
    ("{min_items: 1}", [["a"], [None]], [[]], NOT_LISTS),
    ("{max_items: 1}", [[], ["a"]], [["a", "b"]], NOT_LISTS),
    ("{starts_with: DE}", ["DE", "DE89"], ["de89", " DE89", "D", "", "\u202eDE"], NOT_TEXTS),
    ("{ends_with: .txt}", ["a.txt", ".txt"], ["a.TXT", "a.txt ", "a.txt\n", "a.txt\x00", ""], NOT_TEXTS),
    ("{contains: DROP}", ["x DROP y"], ["drop", "DR/**/OP", "D\u0420OP", ""], NOT_TEXTS),
    ('{contains: "*"}', ["a*b"], ["ab", "a.b"], NOT_TEXTS),
    ("{each: {starts_with: a}}", [[], ["a", "ab"]], [["a", "b"], [5, "b"]], [*NOT_LISTS, ["a", 5], [None]]),
    ("{min_items: 1, each: {starts_with: a}}", [["a"]], [[], ["b"]], [*NOT_LISTS, ["a", 5]]),
    ("{any: {eq: admin}}", [["x", "admin"], [5, "admin"]], [[], ["x"]], [*NOT_LISTS, ["x", 5], [["admin"]]]),
    ("{each: {each: {gt: 0}}}", [[], [[]], [[1], [2]]], [[[1], [0]]], [*NOT_LISTS, [1], [[1], ["2"]]]),
    ("{each: {min_len: 1, max_len: 2}}", [["a", "ab"]], [[""], ["abc"]], [["a", None], [5]]),
    ("{all_of: [{gt: 0}, {lt: 10}]}", [5], [0, 10], NOT_NUMBERS),
    ("{all_of: [{type: number}, {gt: 0}]}", [5], [0, "a", True], [MISSING, None, NAN]),
    ("{any_of: [{eq: EUR}, {gt: 5}]}", ["EUR", 6], [], [MISSING, None, "USD", 5, True, NAN, []]),
    ("{any_of: [{lt: 0}, {gt: 5}]}", [-1, 6], [0, 5], NOT_NUMBERS),
    ("{none_of: [{eq: EUR}, {eq: USD}]}", ["GBP", "eur"], ["EUR", "USD"], NOT_TEXTS),
    ("{none_of: [{eq: EUR}, {gt: 5}]}", [], ["EUR", 6], [MISSING, None, "USD", 5, True, NAN]),
    ("{none_of: [{any: {eq: x}}]}", [[], ["y"]], [["x"], [5, "x"]], [*NOT_LISTS, ["y", 5]]),
]

VECTORS = [
    pytest.param(matchers, value, truth, id=f"{matchers}-{truth}-{number}")
    for matchers, *columns in DECIDED
    for truth, values in zip((YES, NO, UNDECIDED), columns, strict=True)
    for number, value in enumerate(values)
]


@pytest.mark.parametrize(("matchers", "value", "truth"), VECTORS)
def test_a_matcher_decides_as_documented(matchers: str, value: Any, truth: str) -> None:
    arguments = {} if value is MISSING else {"x": value}
    for effect in Effect:
        rules = f"  - {{id: r, effect: {effect.value}, tools: [a.b], when: {{x: {matchers}}}}}"
        ruling = ruled(rules, "a.b", arguments)
        matched = truth == YES or (truth == UNDECIDED and effect is not Effect.ALLOW)
        assert [match.rule_id for match in ruling.matches] == (["r"] if matched else [])
        assert all(match.undecided is (truth == UNDECIDED) for match in ruling.matches)
        assert ruling.effect is (effect if matched else Effect.ASK)


def test_there_are_enough_vectors() -> None:
    assert len(VECTORS) >= 300


@pytest.mark.parametrize(
    ("arguments", "truth"),
    [
        ({"address": {"city": "Rome"}}, YES),
        ({"address": {"city": "Oslo"}}, NO),
        ({"address": {"city": None}}, UNDECIDED),
        ({"address": {}}, UNDECIDED),
        ({"address": None}, UNDECIDED),
        ({"address": "Rome"}, UNDECIDED),
        ({"address": [{"city": "Rome"}]}, UNDECIDED),
        ({"address.city": "Rome"}, UNDECIDED),
        ({}, UNDECIDED),
    ],
)
def test_a_dotted_field_is_looked_up_in_objects(arguments: dict[str, Any], truth: str) -> None:
    rules = "  - {id: r, effect: deny, tools: [a.b], when: {address.city: {eq: Rome}}}"
    matches = ruled(rules, "a.b", arguments).matches
    assert [match.undecided for match in matches] == {YES: [False], NO: [], UNDECIDED: [True]}[truth]


@pytest.mark.parametrize(
    ("field", "arguments", "allowed"),
    [
        ("cc?", {}, True),
        ("cc?", {"cc": "x"}, True),
        ("cc?", {"cc": "y"}, False),
        ("cc?", {"cc": None}, False),
        ("cc", {}, False),
        ("to.cc?", {}, True),
        ("to.cc?", {"to": {}}, True),
        ("to.cc?", {"to": {"cc": "x"}}, True),
        ("to.cc?", {"to": None}, False),
        ("to.cc?", {"to": "x"}, False),
    ],
)
def test_an_optional_field_may_be_absent_but_not_null(
    field: str, arguments: dict[str, Any], allowed: bool
) -> None:
    rules = f'  - {{id: r, effect: allow, tools: [a.b], when: {{"{field}": {{eq: x}}}}}}'
    assert (ruled(rules, "a.b", arguments).effect is Effect.ALLOW) is allowed
