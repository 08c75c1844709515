"""Whether one matcher can be false where another holds. Sound, not complete: "no" may mean "not known".

Two premises exist. An allow rule matches only where its conditions are *true*. An ask rule also matches
where they are *undecided*, which is less to go by. In both cases the question is whether the condition
of a stricter rule could be *false* there: undecided is enough for a stricter rule to match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from mcpbridge.policy.lint.samples import comparing, constants, leaves, samples
from mcpbridge.policy.model import Facts, Matcher

NOBODY: Final = Facts(principal="")
_BY_FACTS: Final = frozenset({"grounded", "no_new_links"})
"""What they say depends on what the user wrote."""

_SIDES: Final = {"gt": 1, "ge": 1, "lt": -1, "le": -1}
"""Lower and upper bounds of numbers."""
Compare = Callable[[str, str], bool]
_TEXTS: Final[Mapping[tuple[str, str], Compare]] = {
    ("starts_with", "starts_with"): lambda has, wants: has.startswith(wants),
    ("ends_with", "ends_with"): lambda has, wants: has.endswith(wants),
    ("starts_with", "contains"): lambda has, wants: wants in has,
    ("ends_with", "contains"): lambda has, wants: wants in has,
    ("contains", "contains"): lambda has, wants: wants in has,
}


def never_false(
    given: Sequence[Matcher], wanted: Matcher, *, held: bool, witnesses: Sequence[object] = ()
) -> bool:
    """Whether `wanted` is never false where all of `given` are true (`held`), or at least not false.
    `witnesses` are values where they are, as far as `witnesses_of` can tell: they only save time."""
    if any(_implies(one, wanted, held=held) for one in given):
        return True
    if not comparing(wanted) or any(wanted.decide(value, NOBODY) is False for value in witnesses):
        return False
    told = [one for one in given if comparing(one)]
    return all(
        wanted.decide(value, NOBODY) is not False
        for value in samples([*told, wanted])
        if holds(told, value, held=held)
    )


def witnesses_of(given: Sequence[Matcher], *, held: bool) -> list[object]:
    """Values at which all of `given` are true (or not false), those left out that look into texts."""
    told = [one for one in given if comparing(one)]
    return [value for value in samples(told) if holds(told, value, held=held)]


def holds(told: Sequence[Matcher], value: object, *, held: bool) -> bool:
    """Whether the premise is met at this value."""
    truths = [one.decide(value, NOBODY) for one in told]
    return all(truths) if held else False not in truths


def by_value_alone(matcher: Matcher) -> bool:
    """Whether the answer depends on nothing but the value."""
    return all(leaf.name not in _BY_FACTS for leaf in leaves(matcher))


def _implies(one: Matcher, wanted: Matcher, *, held: bool) -> bool:
    if one.name == wanted.name and one.operand == wanted.operand and _same_types(one, wanted):
        return True
    if one.name in _SIDES and wanted.name in _SIDES:
        return _tighter(one, wanted)
    texts = _TEXTS.get((one.name, wanted.name))
    if texts is not None:
        return texts(cast("str", one.operand), cast("str", wanted.operand))
    if one.name == wanted.name and one.name in ("each", "any"):
        given = one.parts[0]
        return all(never_false(given, part, held=held) for part in wanted.parts[0])
    if one.name == "all_of":
        flat = [part for group in one.parts for part in group]
        return never_false(flat, wanted, held=held)
    if wanted.name == "all_of":
        return all(_implies(one, part, held=held) for group in wanted.parts for part in group)
    return held and (_finite(one, wanted) or _among(one, wanted))


def _tighter(one: Matcher, wanted: Matcher) -> bool:
    """Bounds on the same side, the first at least as tight."""
    side = _SIDES[one.name]
    if side != _SIDES[wanted.name]:
        return False
    has, wants = cast("float", one.operand) * side, cast("float", wanted.operand) * side
    loose = one.name in ("ge", "le") and wanted.name in ("gt", "lt")
    return has > wants if loose else has >= wants


def _same_types(one: Matcher, wanted: Matcher) -> bool:
    """Python takes 1, 1.0 and true for the same; a policy does not."""
    return repr(one.operand) == repr(wanted.operand)


def _finite(one: Matcher, wanted: Matcher) -> bool:
    """`one` names the few values that are left, and they can be tried."""
    if one.name not in ("eq", "in") or not by_value_alone(wanted):
        return False
    return all(wanted.decide(value, NOBODY) is not False for value in _readings(one))


def _readings(one: Matcher) -> list[object]:
    """The values, numbers in both types that JSON may give them."""
    found: list[object] = []
    for value in constants(one):
        found.append(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found += [float(value)] if isinstance(value, int) else [int(value)] * value.is_integer()
    return found


def _among(one: Matcher, wanted: Matcher) -> bool:
    """The same list of hosts, domains, roots or schemes, with further entries."""
    if one.name != wanted.name or one.name not in ("email_domain", "host", "https_host", "scheme", "under"):
        return False
    has, wants = _listed(one.operand), _listed(wanted.operand)
    return has is not None and wants is not None and has <= wants


def _listed(operand: object) -> set[str] | None:
    if isinstance(operand, str):
        return {operand}
    if not isinstance(operand, list):
        return None
    return {one for one in cast("list[object]", operand) if isinstance(one, str)}
