"""The table of traps and the tests hold each other: no row without a test, no test without a row."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.mcp_servers.traps.table import TRAPS

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[2]
PAGE: Final = ROOT / "docs" / "traps.md"
FACTS: Final = ROOT.parent / "shared" / "MCP.md"


def written() -> set[str]:
    """The tests of this folder that show the promise."""
    return {
        node.name
        for path in HERE.glob("test_trap_*.py")
        if path != Path(__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this."""
    text = page.read_text(encoding="utf-8")
    table = re.search(rf"^\| {heading} \|.*\n\|[-| ]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()]


def test_every_trap_has_its_tests_and_every_test_its_trap() -> None:
    named = [test for trap in TRAPS for test in trap.tests]

    assert set(named) == written()
    assert len(named) == len(set(named))
    assert len({trap.id for trap in TRAPS}) == len(TRAPS)


def test_the_page_has_a_row_for_every_trap_with_its_tests() -> None:
    found = rows(PAGE, "Trap")

    assert [row[0].startswith(trap.trap) for trap, row in zip(TRAPS, found, strict=True)] == [True] * len(
        TRAPS
    )
    assert [re.findall(r"`(test_\w+)`", row[-1]) for row in found] == [list(trap.tests) for trap in TRAPS]


def test_the_list_of_traps_is_the_one_of_the_facts() -> None:
    if not FACTS.exists():
        pytest.skip("the facts are not beside this repository")
    found = rows(FACTS, "trap")

    assert [row[0].startswith(trap.trap) for trap, row in zip(TRAPS, found, strict=True)] == [True] * len(
        TRAPS
    )
