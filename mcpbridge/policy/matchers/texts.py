"""`starts_with`, `ends_with`, `contains`: parts of a text, compared as they are."""

from __future__ import annotations

from collections.abc import Callable

from mcpbridge.policy.matchers.values import TEXT, show, text
from mcpbridge.policy.model import Facts, Matcher, Truth


def textual(name: str, phrase: str, holds: Callable[[str, str], bool]) -> Callable[[object], Matcher]:
    def build(operand: object) -> Matcher:
        part = text(operand)

        def decide(value: object, facts: Facts) -> Truth:
            return holds(value, part) if type(value) is str else None

        return Matcher(name=name, operand=operand, text=f"{phrase} {show(part)}", kinds=TEXT, decide=decide)

    return build


def holds_part(value: str, part: str) -> bool:
    """`contains`."""
    return part in value
