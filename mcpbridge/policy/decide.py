"""The ruling: `(action, policies, facts) → Ruling`, a pure function.

All rules are looked at; deny > ask > allow, and the order of the rules never matters. What cannot be
evaluated matches deny and ask, never allow. Of several policies each is ruled alone, and the
strictest wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mcpbridge.core.action import Action
from mcpbridge.core.function_names import MAX_LENGTH, function_name
from mcpbridge.core.ruling import Effect, Outcome, RuleMatch, Ruling
from mcpbridge.policy.conditions import only_named
from mcpbridge.policy.doubled import without_doubled
from mcpbridge.policy.matchers.combinators import all_of
from mcpbridge.policy.model import (
    MISSING,
    STRICTNESS,
    Arguments,
    Facts,
    Plan,
    Policy,
    Rule,
    Test,
    Truth,
    descend,
)

_SAYS: Final = {Effect.ALLOW: "allows", Effect.ASK: "asks a person about", Effect.DENY: "denies"}


def rule(action: Action, policies: Sequence[Policy], facts: Facts) -> Ruling:
    """What the policies say about one action. Raises nothing; without a policy the answer is no.

    `policy_hash` names every policy that was asked, joined by commas in the order given.
    """
    malformed = _malformed(action)
    if malformed is not None:
        return _deny(Outcome.MALFORMED, malformed, ",".join(policy.hash for policy in policies))
    if len(policies) == 1:
        return _rule_alone(action, policies[0], facts)
    if not policies:
        return _deny(Outcome.POLICY_DENY, "No policy is loaded, so nothing is allowed.", "")
    return _strictest([_rule_alone(action, policy, facts) for policy in policies])


def check(candidate: Rule, arguments: Arguments, facts: Facts) -> Truth:
    """Whether one rule matches the arguments and facts; its `tools:` is not looked at.

    Undecided means: it matches because something could not be evaluated. An allow rule never does.
    """
    truth = True if candidate.who is None else candidate.who.covers(facts)
    if truth is not False and candidate.tests:
        truth = _holds(candidate.tests, arguments, facts, truth)
    if truth is not False and candidate.whole:
        truth = all_of((truth, *(matcher.decide(arguments, facts) for matcher in candidate.whole)))
    if truth is None:
        return False if candidate.strictness == 0 else None
    if truth and candidate.named is not None:
        if candidate.flat is not None:
            return arguments.keys() <= candidate.flat
        return only_named(arguments, candidate.named)
    return truth


def _holds(tests: tuple[Test, ...], arguments: Arguments, facts: Facts, truth: Truth) -> Truth:
    """Kleene's *and* over all matchers and `truth`. The hot loop: plain tuples, no calls but the matchers."""
    for head, rest, when_missing, decide in tests:
        value = arguments.get(head, MISSING)
        if rest:
            value = descend(value, rest)
        one = when_missing if value is MISSING else decide(value, facts)
        if one is False:
            return False
        if one is None:
            truth = None
    return truth


def _malformed(action: Action) -> str | None:
    if action.malformed is not None:
        return f"The call cannot be used: {action.malformed}."
    if action.arguments.__class__ is not dict and not isinstance(action.arguments, Mapping):
        return "The call cannot be used: its arguments are not an object."
    if not action.tool or not action.server_label or "." in action.server_label:
        return "The call cannot be used: its name is not `label.tool`."
    return None


def _deny(outcome: Outcome, reason: str, policy_hash: str) -> Ruling:
    return Ruling(effect=Effect.DENY, outcome=outcome, reason=reason, policy_hash=policy_hash)


def evaluate(candidate: Rule, arguments: Arguments, facts: Facts) -> list[tuple[str, Truth]]:
    """Every predicate of a rule with what it says: for people, so all of them and slowly."""
    found = [] if candidate.who is None else [(candidate.who.text, candidate.who.covers(facts))]
    for condition in candidate.when:
        found += zip(condition.texts, condition.truths(arguments, facts), strict=True)
    found += [(matcher.text, matcher.decide(arguments, facts)) for matcher in candidate.whole]
    return found


def _rule_alone(action: Action, policy: Policy, facts: Facts) -> Ruling:
    arguments = action.arguments or {}
    plan = policy.plan(action.name)
    if (
        not arguments.keys() <= plan.plain
        and plan.may_be_misled(arguments)
        and (read := without_doubled(arguments)) is not arguments
    ):
        action, arguments = replace(action, arguments=read), read
    certain = facts.known_tool
    matched: list[Rule] = []
    for candidate in plan.rules:
        truth = check(candidate, arguments, facts)
        if truth is not False:
            matched.append(candidate)
            if truth is None:
                certain = False
    if not certain:
        return _conclude(action, policy, facts, matched, plan)
    key: tuple[object, ...] = tuple(matched) or ("no match", *_missed(action, plan, facts))
    return plan.recall(key) or plan.remember(key, _conclude(action, policy, facts, matched, plan))


def _conclude(action: Action, policy: Policy, facts: Facts, matched: Sequence[Rule], plan: Plan) -> Ruling:
    defaults = policy.defaults
    matches = tuple(_match(one, action.arguments or {}, facts) for one in matched)
    ruled = max((one.effect for one in matched), key=STRICTNESS.__getitem__, default=None)
    effect = defaults.decision if ruled is None else ruled
    unknown = not facts.known_tool
    if unknown and STRICTNESS[defaults.unknown_tool] >= STRICTNESS[effect]:
        effect, ruled = defaults.unknown_tool, None
    if ruled is not None:
        reason = _reason(
            action.name, [pair for pair in zip(matched, matches, strict=True) if pair[0].effect is ruled]
        )
    elif unknown:
        reason = _unknown(action)
    else:
        reason = _default_reason(effect, action, _missed(action, plan, facts))
    return Ruling(
        effect=effect,
        outcome=_outcome(effect, unknown=unknown and ruled is None),
        reason=reason,
        matches=matches,
        policy_hash=policy.hash,
        ask_timeout=defaults.ask_timeout if effect is Effect.ASK else None,
    )


def _unknown(action: Action) -> str:
    """A name that was never given out is told as it was called: taken apart it may look like a known tool."""
    label, called = action.server_label, action.function
    if not called or called == function_name(label, action.tool):
        return f"{action.name} is not a known tool."
    shown = called if len(called) <= MAX_LENGTH else f"{called[: MAX_LENGTH - 1]}…"
    return f"No tool or function here is called `{shown}`."


def _match(matched: Rule, arguments: Arguments, facts: Facts) -> RuleMatch:
    """The record of a match; when something is undecided, it says what."""
    found = evaluate(matched, arguments, facts)
    if all(truth for _, truth in found):
        return matched.match
    texts = tuple(text if truth else f"{text} (undecided)" for text, truth in found)
    return replace(matched.match, predicates=texts, undecided=True)


def _outcome(effect: Effect, *, unknown: bool) -> Outcome | None:
    if effect is Effect.DENY:
        return Outcome.UNKNOWN_TOOL if unknown else Outcome.POLICY_DENY
    return Outcome.POLICY_ALLOW if effect is Effect.ALLOW else None


def _reason(name: str, carriers: Sequence[tuple[Rule, RuleMatch]]) -> str:
    """What the authors of the deciding rules wrote, else a sentence about the first of them by id."""
    ordered = sorted(carriers, key=lambda pair: pair[0].id)
    written = dict.fromkeys(carrier.reason for carrier, _ in ordered if carrier.reason)
    return " ".join(written) or _generated(name, *ordered[0])


def _generated(name: str, carrier: Rule, match: RuleMatch) -> str:
    """Names the predicates on arguments (`who:` concerns the operator, not the model)."""
    about_who = 0 if carrier.who is None else 1
    predicates = match.predicates[about_who:]
    sentence = f"The rule `{carrier.id}` {_SAYS[carrier.effect]} {name}"
    return f"{sentence}: {'; '.join(predicates)}." if predicates else f"{sentence}."


def _missed(action: Action, plan: Plan, facts: Facts) -> tuple[tuple[str, ...], ...]:
    """The fields on which each allow rule about this call failed; empty where there is no such rule."""
    arguments = action.arguments or {}
    return tuple(
        [
            _fields_missed(candidate, arguments, facts)
            for candidate in plan.rules
            if candidate.strictness == 0 and _concerns(candidate, arguments, facts)
        ]
    )


def _concerns(candidate: Rule, arguments: Arguments, facts: Facts) -> bool:
    if candidate.who is not None and not candidate.who.covers(facts):
        return False
    return not candidate.annotations or all(one.decide(arguments, facts) for one in candidate.annotations)


def _fields_missed(candidate: Rule, arguments: Arguments, facts: Facts) -> tuple[str, ...]:
    fields: list[str] = []
    for head, rest, when_missing, decide in candidate.tests:
        value = arguments.get(head, MISSING)
        if rest:
            value = descend(value, rest)
        if not (when_missing if value is MISSING else decide(value, facts)):
            fields.append(".".join((head, *rest)) if rest else head)
    schema = candidate.args_schema
    if schema is not None and not schema.decide(arguments, facts):
        fields.append(schema.name)
    return tuple(fields)


def _default_reason(effect: Effect, action: Action, missed: tuple[tuple[str, ...], ...]) -> str:
    """Names the fields on which allow rules failed, never what those rules compare them with."""
    if effect is Effect.ALLOW:
        return f"No rule speaks about {action.name}, and the policy allows by default."
    if not missed:
        return f"No rule allows {action.name}."
    fields = {field for one in missed for field in one}
    hint = f" (see {', '.join(sorted(fields))})" if fields else ", as some are not expected"
    return f"No rule allows {action.name} with these arguments{hint}."


def _strictest(rulings: Sequence[Ruling]) -> Ruling:
    """The strictest of several policies wins; what all of them matched stays on record."""
    effect = max((ruling.effect for ruling in rulings), key=STRICTNESS.__getitem__)
    winners = [ruling for ruling in rulings if ruling.effect is effect]
    outcomes = [ruling.outcome for ruling in winners]
    timeouts = [ruling.ask_timeout for ruling in winners if ruling.ask_timeout is not None]
    return Ruling(
        effect=effect,
        outcome=Outcome.UNKNOWN_TOOL if Outcome.UNKNOWN_TOOL in outcomes else outcomes[0],
        reason=" ".join(dict.fromkeys(ruling.reason for ruling in winners)),
        matches=tuple(match for ruling in rulings for match in ruling.matches),
        policy_hash=",".join(ruling.policy_hash for ruling in rulings),
        ask_timeout=min(timeouts, default=None),
    )
