"""Whole drafts, beside the definitions they were made of.

After a wanted change, draft lists/NAME.json into lists/NAME.yaml (from within lists/) and read the diff.
"""

from __future__ import annotations

import pytest

from mcpbridge.policy import load_policy
from mcpbridge.policy.draft import draft, read_definitions

from .shared import LISTS

NAMES = ["office", "functions", "hostile"]


def made_of(name: str) -> str:
    text = (LISTS / f"{name}.json").read_text(encoding="utf-8")
    return draft(read_definitions(text, file=f"{name}.json"))


@pytest.mark.promise("drafted-policy")
@pytest.mark.parametrize("name", NAMES)
def test_a_draft_is_what_was_read_and_accepted(name: str) -> None:
    assert made_of(name) == (LISTS / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_draft_loads_with_its_examples(name: str) -> None:
    assert load_policy(made_of(name), file="draft.yaml").rules


def test_text_of_a_server_makes_no_rule() -> None:
    rules = load_policy(made_of("hostile"), file="draft.yaml").rules
    assert {rule.id for rule in rules} == {
        "hostile-create_page", "hostile-destroy", "hostile-unknown", "hostile-unbound",
    }  # fmt: skip
    assert not any("*" in glob.pattern for rule in rules for glob in rule.tools)


def test_the_header_says_what_it_is_and_from_what() -> None:
    head = made_of("office").partition("version: 1")[0]
    assert "READ IT BEFORE YOU USE IT" in head
    assert '12 tools, from "office.json"' in head
    assert "Definitions (SHA-256): " in head
