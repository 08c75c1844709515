"""Signs of shells and regular expressions in names of tools, where only `*` is special."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.glob import Glob
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.page import Page

_SIGN: Final = re.compile(r"[?\[\](){}|^$+\\]")
"""None of them is in a name that MCP permits (2025-11-25, Tool Names)."""


def literal(page: Page) -> Iterator[Finding]:
    """Patterns that wait for a `?` or a bracket in the name itself."""
    lists: tuple[tuple[str, Sequence[Sequence[Glob]]], ...] = (
        ("rules", [one.tools for one in page.rules]),
        ("limits", [one.tools for one in page.policy.limits]),
        ("approvers", [one.tools for one in page.policy.approvers]),
    )
    for section, entries in lists:
        for place, globs in enumerate(entries):
            for number, glob in enumerate(globs):
                if not page.known.matched(glob):
                    yield from _about(page, (section, place, "tools", number), glob.pattern)


def _about(page: Page, at: Path, pattern: str) -> Iterator[Finding]:
    sign = _SIGN.search(pattern)
    if sign is None:
        return
    rule = page.rules[int(at[1])].id if at[0] == "rules" else ""
    yield Finding(
        check="literal-sign",
        file=page.policy.file,
        line=page.document.line(at),
        message=f"{pattern}: `{sign[0]}` stands for itself here, and no usual tool has it in its name",
        instead="only `*` is special; write the names, or a pattern with `*`",
        rule_id=rule,
    )
