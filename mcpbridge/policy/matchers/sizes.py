"""`min_len`, `max_len` (characters of a text), `min_items`, `max_items` (items of a list)."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import cast

from mcpbridge.policy.matchers.values import KINDS, size
from mcpbridge.policy.model import Facts, Matcher, Truth


def sized(
    name: str, phrase: str, compare: Callable[[int, int], bool], kind: str
) -> Callable[[object], Matcher]:
    def build(operand: object) -> Matcher:
        bound = size(operand)

        def decide(value: object, facts: Facts) -> Truth:
            return compare(len(cast("Sized", value)), bound) if KINDS.get(type(value)) == kind else None

        return Matcher(
            name=name, operand=operand, text=f"{phrase} {bound}", kinds=frozenset({kind}), decide=decide
        )

    return build
