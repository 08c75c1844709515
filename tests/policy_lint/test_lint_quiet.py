"""No false alarm: ready policies, drafted ones, and rules that only look like faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcpbridge.policy import load_policy
from mcpbridge.policy.draft import draft, read_definitions
from mcpbridge.policy.lint import Known, lint
from tests.policy.calls import READY
from tests.policy_draft.shared import LISTS

from .shared import TEXT, found, known_of, world

CLEAN = {
    "a deny of part of what is allowed": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {n: {le: 100}}}
  - {id: b, effect: deny, tools: [crm.find_a], when: {n: {gt: 50}}}""",
    "a deny of one tool of a glob": """
  - {id: a, effect: allow, tools: ["crm.find_*"]}
  - {id: b, effect: deny, tools: [crm.find_secrets]}""",
    "a deny for others": """
  - {id: a, effect: allow, tools: [crm.find_a], who: [ana]}
  - {id: b, effect: deny, tools: [crm.find_a], who: ["b*"]}""",
    "ranges that leave a gap": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {n: {gt: 0}}}
  - {id: b, effect: deny, tools: [crm.find_a], when: {n: {lt: 5}}}
  - {id: c, effect: ask, tools: [crm.find_a], when: {n: {gt: 5}}}""",
    "a deny about what is optional in the allow, and another argument": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {to: {max_len: 3}, "cc?": {max_len: 9}}}
  - {id: b, effect: deny, tools: [crm.find_a], when: {cc: {contains: "@"}, to: {ne: y}}}""",
    "a deny of another scheme of words": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {to: {starts_with: DE}}}
  - {id: b, effect: deny, tools: [crm.find_a], when: {to: {starts_with: DE00}}}""",
    "a stricter text matcher that only sometimes holds": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {to: {email_domain: [a.example]}}}
  - {id: b, effect: deny, tools: [crm.find_a], when: {to: {matches: "admin@.*"}}}""",
    "a beginning beside what keeps dots and percent signs away": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {path: {starts_with: /srv/data/, under: /srv/data}}}
  - {id: b, effect: allow, tools: [crm.find_b], when: {uri: {starts_with: "n://a/", matches: "[a-z:/]+"}}}""",
    "a beginning that nothing leads out of, or of no address": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {url: {starts_with: "https://a.example/"}}}
  - {id: b, effect: allow, tools: [crm.find_b], when: {uri: {starts_with: "notes://"}}}
  - {id: c, effect: allow, tools: [crm.find_c], when: {branch: {starts_with: "feature/"}}}
  - {id: d, effect: deny, tools: [crm.find_d], when: {path: {starts_with: /srv/data/}}}""",
    "a list that may be empty": """
  - {id: a, effect: allow, tools: [crm.find_a], when: {to: {each: {in: [a], max_len: 5}}}}""",
    "globs that overlap": """
  - {id: a, effect: ask, tools: ["*.*_a_*", "*.*_b_*"]}
  - {id: b, effect: deny, tools: ["*.*_a_b*"]}""",
}


def quiet(text: str, known: Known | None = None) -> list[str]:
    made = load_policy(text, file="p.yaml")
    return [str(one) for one in lint(made, known) if not one.accepted]


@pytest.mark.promise("lint-quiet")
@pytest.mark.parametrize("path", sorted(READY.glob("*.yaml")), ids=lambda path: path.name)
def test_a_ready_policy_raises_nothing_with_or_without_known_tools(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tools = {"list_mails": {}, "send_email": {"to": TEXT}, "delete_mail": {"id": TEXT}}
    assert quiet(text) == []
    assert quiet(text, world(mail=tools)) == []


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.json")), ids=lambda path: path.name)
def test_a_drafted_policy_raises_nothing(path: Path) -> None:
    boxes = read_definitions(path.read_text(encoding="utf-8"), file=path.name)
    assert quiet(draft(boxes)) == []
    assert quiet(draft(boxes), known_of(boxes)) == []


@pytest.mark.parametrize("rules", CLEAN.values(), ids=CLEAN.keys())
def test_rules_that_only_look_like_faults_raise_nothing(rules: str) -> None:
    assert [str(one) for one in found(rules)] == []


def test_a_comment_accepts_a_finding_and_it_stays_listed() -> None:
    rules = '  # accept: over-broad\n  - {id: a, effect: allow, tools: ["*"]}'
    assert [(one.check, one.accepted) for one in found(rules)] == [("over-broad", True)]
