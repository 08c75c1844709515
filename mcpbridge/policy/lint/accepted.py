"""`# accept: over-broad` in a policy file: this finding, on this line or the next, is meant.

It hides nothing: accepted findings are still listed with `--json` and in SARIF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from mcpbridge.policy.lint.finding import CHECKS, Finding
from mcpbridge.policy.problems import meant

_COMMENT: Final = re.compile(r"(?:^|\s)#\s*accept:\s*([a-z-]+(?:\s*,\s*[a-z-]+)*)")


def accepted(found: Sequence[Finding], file: str, text: str) -> Iterator[Finding]:
    """The findings, those that the file accepts marked; and comments that accept nothing."""
    if "accept:" not in text:
        yield from found
        return
    said = dict(_comments(text))
    used: set[tuple[int, str]] = set()
    for one in found:
        at = next((key for key in ((one.line, one.check), (one.line - 1, one.check)) if key in said), None)
        if at is not None:
            used.add(at)
        yield one if at is None else replace(one, accepted=True)
    for line, check in said:
        if (line, check) not in used:
            yield _idle(file, line, check)


def _comments(text: str) -> Iterator[tuple[tuple[int, str], str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        comment = _COMMENT.search(line)
        if comment is not None:
            yield from (((number, check.strip()), line) for check in comment[1].split(","))


def _idle(file: str, line: int, check: str) -> Finding:
    if check in CHECKS:
        message, instead = f"`accept: {check}` accepts nothing, on this line or the next", "remove it"
    else:
        close = meant(check, tuple(CHECKS))
        message, instead = (
            f"there is no check {check!r}",
            f"did you mean `{close}`?" if close else "remove it",
        )
    return Finding(check="idle-accept", file=file, line=line, message=message, instead=instead)
