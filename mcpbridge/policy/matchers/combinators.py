"""Kleene's logic: false decides an *and*, true decides an *or*, otherwise one undecided part leaves the
whole undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from mcpbridge.policy.matchers.values import ANY_KIND
from mcpbridge.policy.model import Decide, Facts, Matcher, Truth


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's *and*; true when there is nothing."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's *or*; false when there is nothing."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def over_items(name: str, operand: object, parts: Sequence[Matcher]) -> Matcher:
    """`each` and `any`."""
    decide = _over(all_of if name == "each" else any_of, _conjunction(parts))
    return Matcher(
        name=name,
        operand=operand,
        text=f"{name} {_and(parts)}",
        kinds=frozenset({"array"}),
        decide=decide,
        parts=(tuple(parts),),
    )


def alternatives(name: str, operand: object, parts: Sequence[tuple[Matcher, ...]]) -> Matcher:
    """`all_of`, `any_of` and `none_of`."""
    return Matcher(
        name=name,
        operand=operand,
        text=f"{name.replace('_', ' ')} " + ", ".join(map(_and, parts)),
        kinds=ANY_KIND,
        decide=_alternatives(name, [_conjunction(group) for group in parts]),
        parts=tuple(parts),
    )


def _and(parts: Sequence[Matcher]) -> str:
    return "(" + " and ".join(part.text for part in parts) + ")"


def _conjunction(parts: Sequence[Matcher]) -> Decide:
    decides = tuple(part.decide for part in parts)
    if len(decides) == 1:
        return decides[0]
    return lambda value, facts: all_of(decide(value, facts) for decide in decides)


def _over(fold: Callable[[Iterable[Truth]], Truth], decide: Decide) -> Decide:
    def over(value: object, facts: Facts) -> Truth:
        if not isinstance(value, list | tuple):
            return None
        return fold(decide(item, facts) for item in cast("Sequence[object]", value))

    return over


def _alternatives(name: str, decides: Sequence[Decide]) -> Decide:
    fold = all_of if name == "all_of" else any_of
    if name != "none_of":
        return lambda value, facts: fold(decide(value, facts) for decide in decides)

    def none_of(value: object, facts: Facts) -> Truth:
        truth = any_of(decide(value, facts) for decide in decides)
        return None if truth is None else not truth

    return none_of
