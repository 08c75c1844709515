"""Seeded faults: each is found as what it is, at its line, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from mcpbridge.errors import ConfigurationError
from mcpbridge.policy import load_policy
from mcpbridge.policy.lint import CHECKS, Finding, Known, from_problem, lint

from .shared import NUMBER, TEXT, world

_HEAD: Final = """version: 1
defaults: {decision: ask}
rules:
  - {id: sound-1, effect: allow, tools: [sound.get_it], when: {n: {gt: 0}}, examples: {match: [{n: 1}]}}
  - {id: sound-2, effect: deny, tools: [sound.drop_it], examples: {match: [{}]}}
"""
WORLD: Final = world(
    mail={
        "send": {"to": {"type": "array", "items": TEXT}, "body": TEXT},
        "list_folders": {},
        "delete": {"id": TEXT},
    },
    bank={
        "pay": {
            "amount": NUMBER,
            "currency": {"type": "string", "enum": ["EUR", "USD"]},
            "to": {"type": "object", "properties": {"iban": TEXT}},
        }
    },
    sound={"get_it": {"n": NUMBER}, "drop_it": {}},
)


def seeded() -> list[tuple[str, str]]:
    text = (Path(__file__).parent / "faults.txt").read_text(encoding="utf-8")
    return [(part.partition("\n")[0].strip(), part.partition("\n")[2]) for part in text.split("\n== ")[1:]]


FAULTS: Final = seeded()


def marked(text: str) -> list[tuple[str, int]]:
    """The checks that are marked, with their lines."""
    lines = enumerate(text.split("\n"), start=1)
    return [(mark[1], number) for number, line in lines if (mark := re.search(r"#! ([a-z-]+)", line))]


def findings(text: str, known: Known | None) -> list[Finding]:
    try:
        return lint(load_policy(text, file="p.yaml"), known)
    except ConfigurationError as error:
        return [from_problem(problem, text) for problem in error.problems]


@pytest.mark.promise("lint-complete")
@pytest.mark.parametrize(("name", "body"), FAULTS, ids=[name for name, _ in FAULTS])
def test_a_seeded_fault_is_found_as_what_it_is_where_it_is(name: str, body: str) -> None:
    text = body if body.startswith("version:") else _HEAD + body
    found = findings(text, WORLD if name.endswith("@world") else None)
    assert [(one.check, one.line) for one in found] == marked(text), "\n".join(map(str, found))
    loading = ("not-loaded", "missing-default")
    assert all(one.message and (one.instead or one.check in loading) for one in found)


def test_the_faults_are_many_and_of_every_kind() -> None:
    kinds = {check for _, body in FAULTS for check, _ in marked(body)}
    assert len(FAULTS) >= 60
    assert kinds == CHECKS.keys()
