"""What comes out of `rule`: effects, outcomes, reasons, records."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from mcpbridge.core.ruling import Effect, Outcome
from mcpbridge.policy import Facts, rule

from .calls import SOMEBODY, call, policy, ruled

ALLOW = "  - {id: may, effect: allow, tools: [bank.pay]}\n"
ASK = "  - {id: ask-me, effect: ask, tools: ['bank.*'], reason: Money moves.}\n"
DENY = "  - {id: never, effect: deny, tools: ['*'], when: {amount: {gt: 100}}}\n"


def test_deny_wins_over_ask_and_ask_over_allow_and_all_are_recorded() -> None:
    ruling = ruled(ALLOW + DENY + ASK, "bank.pay", {"amount": 500})
    assert (ruling.effect, ruling.outcome) == (Effect.DENY, Outcome.POLICY_DENY)
    assert [match.rule_id for match in ruling.matches] == ["may", "never", "ask-me"]
    assert ruling.rule_ids == ("never",)
    assert ruled(ALLOW + ASK, "bank.pay").effect is Effect.ASK
    assert ruled(ALLOW, "bank.pay").outcome is Outcome.POLICY_ALLOW


def test_an_ask_is_not_final_and_carries_the_time_a_person_has() -> None:
    timed = policy(ALLOW + ASK, defaults="{decision: deny, ask_timeout: 15m, on_timeout: deny}")
    ruling = rule(call("bank.pay"), [timed], SOMEBODY)
    assert (ruling.effect, ruling.outcome, ruling.ask_timeout) == (Effect.ASK, None, 900.0)
    assert ruling.reason == "Money moves."
    assert rule(call("mail.send"), [timed], SOMEBODY).ask_timeout is None


def test_what_no_rule_names_gets_the_default() -> None:
    assert ruled(ALLOW, "mail.send").effect is Effect.ASK
    denied = rule(call("mail.send"), [policy(ALLOW, defaults="{decision: deny}")], SOMEBODY)
    assert (denied.outcome, denied.reason) == (Outcome.POLICY_DENY, "No rule allows mail.send.")
    loose = policy(defaults="{decision: allow, i_accept: allow_by_default}")
    allowed = rule(call("mail.send"), [loose], SOMEBODY)
    assert (allowed.outcome, allowed.matches) == (Outcome.POLICY_ALLOW, ())
    assert "allows by default" in allowed.reason


def test_what_cannot_be_evaluated_matches_deny_and_says_so() -> None:
    ruling = ruled(ALLOW + DENY, "bank.pay", {"amount": "5"})
    assert ruling.outcome is Outcome.POLICY_DENY
    assert ruling.matches[1].undecided
    assert ruling.matches[1].predicates == ("amount > 100 (undecided)",)
    assert ruling.reason == "The rule `never` denies bank.pay: amount > 100 (undecided)."


def test_a_generated_reason_names_the_predicates_of_its_own_rule_only() -> None:
    other = "  - {id: other, effect: ask, tools: [bank.pay], when: {amount: {gt: 77}}}\n"
    ruling = ruled(DENY + other, "bank.pay", {"amount": 500})
    assert ruling.reason == "The rule `never` denies bank.pay: amount > 100."
    bare = ruled("  - {id: z, effect: deny, tools: ['*'], who: [ana]}", "bank.pay")
    assert bare.reason == "The rule `z` denies bank.pay."
    assert bare.matches[0].predicates == ("who: principal ana",)


def test_reasons_of_several_denying_rules_stand_in_the_order_of_their_ids() -> None:
    first = "  - {id: b, effect: deny, tools: ['*'], reason: Second.}\n"
    second = "  - {id: a, effect: deny, tools: ['*'], reason: First.}\n"
    third = "  - {id: c, effect: deny, tools: ['*']}\n"
    assert ruled(first + second + third, "x.y").reason == "First. Second."


def test_a_default_denial_names_fields_but_no_operands() -> None:
    rules = "  - {id: small, effect: allow, tools: [bank.pay], when: {amount: {le: 100}, cur: {eq: EUR}}}\n"
    strict = policy(rules, defaults="{decision: deny}")
    reason = rule(call("bank.pay", {"amount": 500, "cur": "EUR"}), [strict], SOMEBODY).reason
    assert reason == "No rule allows bank.pay with these arguments (see amount)."
    unnamed = rule(call("bank.pay", {"amount": 5, "cur": "EUR", "to": "DE"}), [strict], SOMEBODY)
    assert unnamed.reason == "No rule allows bank.pay with these arguments, as some are not expected."


def test_a_default_denial_does_not_tell_about_rules_for_others() -> None:
    rules = "  - {id: x, effect: allow, tools: [a.b], who: [bob], when: {secret_field: {eq: 1}}}\n"
    reason = rule(call("a.b"), [policy(rules, defaults="{decision: deny}")], SOMEBODY).reason
    assert reason == "No rule allows a.b."


def test_an_allow_rule_does_not_match_arguments_it_does_not_name() -> None:
    rules = "  - {id: r, effect: allow, tools: [a.b], when: {x: {eq: 1}}%s}"
    assert ruled(rules % "", "a.b", {"x": 1}).effect is Effect.ALLOW
    assert ruled(rules % "", "a.b", {"x": 1, "y": None}).effect is Effect.ASK
    assert ruled(rules % ", other_arguments: any", "a.b", {"x": 1, "y": 2}).effect is Effect.ALLOW
    assert ruled("  - {id: r, effect: allow, tools: [a.b]}", "a.b", {"y": 2}).effect is Effect.ALLOW
    deny = "  - {id: r, effect: deny, tools: [a.b], when: {x: {eq: 1}}}"
    assert ruled(deny, "a.b", {"x": 1, "y": 2}).effect is Effect.DENY


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ({"to": {"city": "Rome"}}, True),
        ({"to": {"city": "Rome", "iban": "DE"}}, False),
        ({"to": {"city": "Rome"}, "iban": "DE"}, False),
        ({"to": {"city": "Rome", "zip": {"code": 1}}}, True),
        ({"to": {"city": "Rome", "zip": {"code": 1, "x": 1}}}, False),
        ({"to": {"city": "Rome", "zip": 1}}, False),
        ({"to": {"city": "Rome", "zip": {}}}, True),
    ],
)
def test_unnamed_fields_inside_an_object_are_arguments_too(arguments: dict[str, Any], allowed: bool) -> None:
    rules = '  - {id: r, effect: allow, tools: [a.b], when: {to.city: {eq: Rome}, "to.zip.code?": {eq: 1}}}'
    assert (ruled(rules, "a.b", arguments).effect is Effect.ALLOW) is allowed


def test_an_object_named_as_a_whole_may_hold_anything() -> None:
    rules = "  - {id: r, effect: allow, tools: [a.b], when: {%s}}"
    for fields in ("to: {type: object}, to.x: {eq: 1}", "to.x: {eq: 1}, to: {type: object}"):
        assert ruled(rules % fields, "a.b", {"to": {"x": 1, "y": 2}}).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("who", "principal", "groups", "effect"),
    [
        ("[ana]", "ana", set[str](), Effect.DENY),
        ("[ana]", "bob", {"ana"}, Effect.ASK),
        ("[an*]", "anton", set[str](), Effect.DENY),
        ("['*']", "", set[str](), Effect.DENY),
        ("[ana]", "", set[str](), Effect.DENY),
        ("{groups: [ops]}", "", {"ops"}, Effect.DENY),
        ("{groups: [ops]}", "ana", {"dev"}, Effect.ASK),
        ("{groups: ['ops-*']}", "ana", {"ops-eu"}, Effect.DENY),
        ("{principals: [ana], groups: [ops]}", "bob", {"ops"}, Effect.DENY),
        ("{principals: [ana], groups: [ops]}", "Ana", set[str](), Effect.ASK),
    ],
)
def test_who_selects_principals_and_groups(
    who: str, principal: str, groups: set[str], effect: Effect
) -> None:
    facts = Facts(principal=principal, groups=frozenset(groups))
    rules = f"  - {{id: r, effect: deny, tools: [a.b], who: {who}}}"
    assert ruled(rules, "a.b", {}, facts).effect is effect


def test_an_allow_rule_needs_to_know_who_it_is() -> None:
    rules = "  - {id: r, effect: allow, tools: [a.b], who: ['*']}"
    assert ruled(rules, "a.b", {}, Facts(principal="")).effect is Effect.ASK
    assert ruled(rules, "a.b", {}, Facts(principal="ana")).effect is Effect.ALLOW


def test_a_malformed_call_is_denied_whatever_the_rules_say() -> None:
    loose = policy(defaults="{decision: allow, i_accept: allow_by_default}")
    bad = call("a.b", malformed="the arguments name a key twice")
    unlabelled = replace(call("a.b"), server_label="a.b")
    for action in (bad, replace(call("a.b"), arguments=None), unlabelled, call("a."), call(".b")):
        for policies in ([loose], [loose, loose], []):
            ruling = rule(action, policies, SOMEBODY)
            assert (ruling.effect, ruling.outcome) == (Effect.DENY, Outcome.MALFORMED)
            assert ruling.reason.startswith("The call cannot be used: ")


@pytest.mark.parametrize(
    ("unknown", "decision", "rules", "effect", "outcome"),
    [
        ("deny", "ask", ALLOW, Effect.DENY, Outcome.UNKNOWN_TOOL),
        ("deny", "deny", "", Effect.DENY, Outcome.UNKNOWN_TOOL),
        ("ask", "ask", ALLOW, Effect.ASK, None),
        ("ask", "ask", ASK, Effect.ASK, None),
        ("ask", "deny", "", Effect.DENY, Outcome.UNKNOWN_TOOL),
        ("ask", "ask", "  - {id: no, effect: deny, tools: ['*']}", Effect.DENY, Outcome.POLICY_DENY),
    ],
)
def test_an_unknown_tool_is_never_treated_better_than_a_known_one(
    unknown: str, decision: str, rules: str, effect: Effect, outcome: Outcome | None
) -> None:
    made = policy(rules, defaults=f"{{decision: {decision}, unknown_tool: {unknown}}}")
    ruling = rule(call("bank.pay"), [made], Facts(principal="ana", known_tool=False))
    assert (ruling.effect, ruling.outcome) == (effect, outcome)
    assert len(ruling.matches) == (1 if rules else 0)
    assert rule(call("bank.pay"), [made], SOMEBODY).outcome is not Outcome.UNKNOWN_TOOL


def test_of_several_policies_the_strictest_wins_and_all_matches_are_kept() -> None:
    team = policy(ALLOW, defaults="{decision: ask, ask_timeout: 2h}", file="teams/team.yaml")
    organisation = policy(ASK, defaults="{decision: ask, ask_timeout: 30s}", file="C:\\conf\\org.yaml")
    ruling = rule(call("bank.pay"), [team, organisation], SOMEBODY)
    assert (ruling.effect, ruling.reason, ruling.ask_timeout) == (Effect.ASK, "Money moves.", 30.0)
    assert [(m.policy, m.rule_id) for m in ruling.matches] == [("team.yaml", "may"), ("org.yaml", "ask-me")]
    assert ruling.policy_hash == f"{team.hash},{organisation.hash}"
    both = rule(call("mail.send"), [team, organisation], SOMEBODY)
    assert (both.ask_timeout, both.reason) == (30.0, "No rule allows mail.send.")


def test_an_unknown_tool_shows_through_the_combination() -> None:
    asks = policy(DENY, defaults="{decision: ask, unknown_tool: ask}")
    denies = policy()
    ruling = rule(call("a.b"), [asks, denies], Facts(principal="ana", known_tool=False))
    assert (ruling.effect, ruling.outcome) == (Effect.DENY, Outcome.UNKNOWN_TOOL)


def test_without_a_policy_nothing_is_allowed() -> None:
    ruling = rule(call("a.b"), [], SOMEBODY)
    assert (ruling.effect, ruling.outcome) == (Effect.DENY, Outcome.POLICY_DENY)
    assert ruling.reason


def test_a_ruling_handed_out_again_is_the_one_a_fresh_policy_would_make() -> None:
    rules = ALLOW + ASK + DENY
    used = policy(rules)
    calls = [call("bank.pay", {"amount": amount}) for amount in (1, 500, "x", 1, 500, "x")]
    for action in calls:
        assert rule(action, [used], SOMEBODY) == rule(action, [policy(rules)], SOMEBODY)


def test_endless_names_and_mixtures_of_matches_do_not_fill_the_memory() -> None:
    rules = "".join(
        f"  - {{id: r{bit}, effect: ask, tools: [a.b], when: {{x{bit}: {{eq: 1}}}}}}\n" for bit in range(7)
    )
    made = policy(rules)
    for number in range(100):
        arguments = {f"x{bit}": number >> bit & 1 for bit in range(7)}
        ruling = rule(call("a.b", arguments), [made], SOMEBODY)
        assert ruling.rule_ids == tuple(f"r{bit}" for bit in range(7) if number >> bit & 1)
    for number in range(1500):
        assert rule(call(f"a.t{number}"), [made], SOMEBODY).effect is Effect.ASK


def test_an_argument_may_be_called_like_a_matcher() -> None:
    rules = "  - {id: r, effect: deny, tools: [db.query], when: {sql: {contains: DROP}, type: {eq: raw}}}"
    assert ruled(rules, "db.query", {"sql": "DROP x", "type": "raw"}).effect is Effect.DENY


def test_any_mapping_will_do_for_arguments() -> None:
    action = replace(call("bank.pay"), arguments=MappingProxyType({"amount": 500}))
    assert rule(action, [policy(DENY)], SOMEBODY).effect is Effect.DENY


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("a.b", ["a.b"], ["a.bc", "A.b", "a.b ", "xa.b", "a-b", "aXb"]),
        ("a.*", ["a.b", "a.b.c", "a.*"], ["ab.c", "b.a.x"]),
        ("*.get_*", ["a.get_x", "a.get_"], ["a.forget_x", "a.Get_x", "a.get"]),
        ("*", ["a.b"], []),
        ("*delete*", ["a.delete", "delete-it.now", "a.x_delete_y"], ["a.dele", "a.DELETE"]),
        ("a.x*y*z", ["a.xyz", "a.x1y2y3z"], ["a.xzy", "a.xy", "a.xz"]),
        ("a.ab*ba", ["a.abba", "a.abxba"], ["a.aba", "a.ab"]),
        ("a.?", ["a.?"], ["a.b"]),
        ("a.[bc]", ["a.[bc]"], ["a.b"]),
        ("a.x**", ["a.x", "a.xy"], ["a.y"]),
    ],
)
def test_a_star_is_the_only_special_character(pattern: str, matching: list[str], other: list[str]) -> None:
    rules = f"  - {{id: r, effect: deny, tools: ['{pattern}']}}"
    assert [name for name in [*matching, *other] if ruled(rules, name).matches] == matching
