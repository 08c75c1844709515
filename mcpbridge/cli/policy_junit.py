"""Results of policy tests as JUnit XML, as most CI systems read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from mcpbridge.core.question import visible

if TYPE_CHECKING:
    from mcpbridge.cli.policy_test import Result


def as_junit(results: Sequence[Result]) -> str:
    """One suite for each test file."""
    root = ElementTree.Element("testsuites", name="mcpbridge policy test")
    for file in dict.fromkeys(one.case.file for one in results):
        mine = [one for one in results if one.case.file == file]
        failures = sum(bool(one.problems) for one in mine)
        suite = ElementTree.SubElement(
            root, "testsuite", name=_plain(file), tests=str(len(mine)), failures=str(failures), errors="0"
        )
        for one in mine:
            _case(suite, one)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, one: Result) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=_plain(one.case.name),
        classname=_plain(one.case.action.name),
        file=_plain(one.case.file),
        line=str(one.case.line),
    )
    if one.problems:
        failure = ElementTree.SubElement(case, "failure", message=_plain("; ".join(one.problems)))
        failure.text = "\n".join(map(_plain, one.why))


def _plain(text: str) -> str:
    """XML has no control characters, not even escaped."""
    return visible(text, newlines=False)
