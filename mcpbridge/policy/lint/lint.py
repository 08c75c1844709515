"""`lint`: everything that is questionable in a policy that loads, in the order of the file.

What is said to be shadowed, vacuous or contradictory is proven; nothing is guessed there. The rest is
judged by names and by examples, and the text says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcpbridge.core.raw import mapping
from mcpbridge.core.ruling import Effect
from mcpbridge.core.yaml_lines import YamlProblem, parse_yaml
from mcpbridge.errors import Problem
from mcpbridge.policy.lint.accepted import accepted
from mcpbridge.policy.lint.climbing import climbing
from mcpbridge.policy.lint.conditions import conditions, matches_nothing
from mcpbridge.policy.lint.fields import fields
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.known import Known
from mcpbridge.policy.lint.limits import limits
from mcpbridge.policy.lint.literal import literal
from mcpbridge.policy.lint.overlaps import overlaps
from mcpbridge.policy.lint.page import Page
from mcpbridge.policy.lint.people import people
from mcpbridge.policy.lint.reach import reach
from mcpbridge.policy.model import Policy


def lint(policy: Policy, known: Known | None = None) -> list[Finding]:
    """All findings. `known` is the world around the policy, as far as anybody said."""
    page = Page(policy=policy, known=known or Known())
    found = [*_default(page), *limits(page), *people(page), *literal(page)]
    for place in range(len(page.rules)):
        found += reach(page, place)
        found += fields(page, place)
        found += conditions(page, place)
        found += climbing(page, place)
        found += _examples(page, place)
    empty = frozenset(place for place, rule in enumerate(page.rules) if matches_nothing(rule))
    found += overlaps(page, empty)
    return sorted(accepted(found, page.policy.file, page.policy.text), key=lambda one: one.line)


def _default(page: Page) -> Iterator[Finding]:
    if page.policy.defaults.decision is Effect.ALLOW:
        yield Finding(
            check="allow-by-default",
            file=page.policy.file,
            line=page.document.line(("defaults", "decision")),
            message="what no rule names is allowed, also tools that a server adds tomorrow",
            instead="write `decision: ask` or `decision: deny`, and allow what is meant",
        )


def _examples(page: Page, place: int) -> Iterator[Finding]:
    """A rule that only names tools needs none."""
    rule = page.rules[place]
    judging = rule.when or rule.whole or any("*" in glob.pattern for glob in rule.tools)
    if judging and "examples" not in page.raw(place):
        yield page.find(
            "no-examples",
            place,
            (),
            f"the rule `{rule.id}` has no examples",
            "write `examples: {match: [{…}], not_match: [{…}]}` with arguments of calls",
        )


def from_problem(problem: Problem, text: str) -> Finding:
    """A problem of loading, as a finding."""
    default = problem.line > 0 and problem.line == _default_line(text) and "decision" in problem.message
    return Finding(
        check="missing-default" if default else "not-loaded",
        file=problem.file,
        line=problem.line,
        message=problem.message,
        instead="",
    )


def _default_line(text: str) -> int:
    """Where `defaults.decision` is missing; 0 where it is there."""
    try:
        document = parse_yaml(text)
    except YamlProblem:
        return 0
    there = "decision" in mapping(mapping(document.value).get("defaults"))
    return 0 if there else document.line(("defaults",))
