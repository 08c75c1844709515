"""The pages say what the code does: every check, every quirk, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcpbridge.doctor.registry import CHECKS
from mcpbridge.service.quirks import Quirk
from tests.doctor.test_doctor_quirks import FINDS

ROOT = Path(__file__).parents[2]
DOCTOR = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
ENDPOINTS = (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8")


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by their first cell."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`")}


def test_the_page_lists_every_check_with_its_question() -> None:
    listed = {name: cells[0] for name, cells in rows(DOCTOR, "The checks").items()}

    assert listed == {check.name: check.asks for check in CHECKS}


def test_the_catalogue_has_a_row_for_every_quirk() -> None:
    assert set(rows(ENDPOINTS, "Quirks of the local service")) == {quirk.value for quirk in Quirk}


@pytest.mark.parametrize("quirk", list(Quirk))
def test_a_row_names_the_checks_that_find_the_quirk(quirk: Quirk) -> None:
    said = rows(ENDPOINTS, "Quirks of the local service")[quirk.value][1]
    checks = set(re.findall(r"`([a-z-]+)`", said.split("→")[0]))

    assert checks == FINDS[quirk]


def test_the_tests_that_the_catalogue_names_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", ENDPOINTS))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert len(named) > 20
    assert sorted(named - written) == []
