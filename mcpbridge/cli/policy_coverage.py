"""Which rules of policies ever match, in test cases or in their own examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcpbridge.cli.policy_cases import Case
from mcpbridge.core.raw import mapping
from mcpbridge.policy import Policy
from mcpbridge.policy.decide import check
from mcpbridge.policy.doubled import without_doubled


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Rules that matched, of all; and those that never did: file, id, line."""

    rules: int
    matched: int
    examples: int
    never: tuple[tuple[str, str, int], ...]

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 means all."""
        return self.matched * 100 // self.rules if self.rules else 100


def coverage(runs: Sequence[tuple[Sequence[Policy], Sequence[Case]]]) -> Coverage:
    """Over all runs; a policy that is used in several counts once."""
    policies = {policy.file: policy for used, _ in runs for policy in used}
    examples = {file: _examples(policy) for file, policy in policies.items()}
    met = {
        (file, rule.id)
        for file, policy in policies.items()
        for rule, (match, _) in zip(policy.rules, examples[file], strict=True)
        if match
    }
    for used, cases in runs:
        met |= {(policy.file, id_) for policy in used for case in cases for id_ in _matched(policy, case)}
    every = [(file, rule) for file, policy in policies.items() for rule in policy.rules]
    return Coverage(
        rules=len(every),
        matched=len(met),
        examples=sum(match + other for pairs in examples.values() for match, other in pairs),
        never=tuple((file, rule.id, rule.line) for file, rule in every if (file, rule.id) not in met),
    )


def _matched(policy: Policy, case: Case) -> list[str]:
    if case.action.malformed is not None:
        return []
    arguments = without_doubled(case.action.arguments or {})
    rules = policy.plan(case.action.name).rules
    return [rule.id for rule in rules if check(rule, arguments, case.facts) is not False]


def _examples(policy: Policy) -> list[tuple[int, int]]:
    """How many examples each rule has: of calls it matches, and of others."""
    if policy.document is None or not policy.rules:
        return []
    written: list[Any] = policy.document.value["rules"]
    found = [mapping(mapping(one).get("examples")) for one in written]
    return [(len(one.get("match", [])), len(one.get("not_match", []))) for one in found]
