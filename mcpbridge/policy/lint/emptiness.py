"""Whether matchers hold for no value at all, or fail for none. Sound, not complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final, cast

from mcpbridge.policy.lint.implied import NOBODY, by_value_alone
from mcpbridge.policy.lint.samples import comparing, constants, samples
from mcpbridge.policy.matchers import ANY_KIND
from mcpbridge.policy.model import Matcher

_URLS: Final = frozenset({"host", "https_host", "scheme"})


def never_fails(matcher: Matcher) -> bool:
    """Whether the matcher is false for no value: it is true, or undecided as for other types."""
    if comparing(matcher):
        return all(matcher.decide(value, NOBODY) is not False for value in samples([matcher]))
    match matcher.name:
        case "each" | "all_of":
            return all(never_fails(part) for group in matcher.parts for part in group)
        case "any_of":
            return any(all(map(never_fails, group)) for group in matcher.parts)
        case _:
            return False


def never_holds(matchers: Sequence[Matcher]) -> bool:
    """Whether no value makes all of them true."""
    flat = list(_flat(matchers))
    if not flat:
        return False
    if not ANY_KIND.intersection(*(one.kinds for one in flat)):
        return True
    few = next((one for one in flat if one.name in ("eq", "in")), None)
    if few is not None:
        told = [one for one in flat if by_value_alone(one)]
        return not any(all(one.decide(value, NOBODY) for one in told) for value in _spelled(few))
    return _no_sample([one for one in flat if comparing(one)]) or _by_parts(flat) or _by_texts(flat)


def _flat(matchers: Sequence[Matcher]) -> Iterator[Matcher]:
    """What has to hold together: `all_of` is only a way to write it."""
    for one in matchers:
        if one.name == "all_of":
            for group in one.parts:
                yield from _flat(group)
        else:
            yield one


def _spelled(few: Matcher) -> Iterator[object]:
    """Numbers in both types."""
    for value in constants(few):
        yield value
        if isinstance(value, int) and not isinstance(value, bool):
            yield float(value)
        elif isinstance(value, float) and value.is_integer():
            yield int(value)


def _no_sample(matchers: Sequence[Matcher]) -> bool:
    return bool(matchers) and not any(
        all(one.decide(value, NOBODY) for one in matchers) for value in samples(matchers)
    )


def _by_parts(flat: Sequence[Matcher]) -> bool:
    """Something inside can never hold, and has to."""
    some = any(one.name == "any" or (one.name == "min_items" and one.operand != 0) for one in flat)
    each = [part for one in flat if one.name == "each" for part in one.parts[0]]
    if some and never_holds(each):
        return True
    if any(never_holds([*one.parts[0], *each]) for one in flat if one.name == "any"):
        return True
    return any(all(never_holds(group) for group in one.parts) for one in flat if one.name == "any_of")


def _by_texts(flat: Sequence[Matcher]) -> bool:
    """Beginnings, ends, lengths and forms of a text that exclude each other."""
    begins, ends, parts = (_operands(flat, name) for name in ("starts_with", "ends_with", "contains"))
    longest = min((cast("int", one.operand) for one in flat if one.name == "max_len"), default=None)
    needed = max(map(len, (*begins, *ends, *parts)), default=0)
    return (
        (longest is not None and needed > longest)
        or any(not (a.startswith(b) or b.startswith(a)) for a, b in combinations(begins, 2))
        or any(not (a.endswith(b) or b.endswith(a)) for a, b in combinations(ends, 2))
        or _by_forms(flat, begins)
    )


def _by_forms(flat: Sequence[Matcher], begins: Sequence[str]) -> bool:
    """A URL is no address, and an https URL does not begin with http:."""
    names = {one.name for one in flat}
    if "https_host" in names and any(not _begins(one, "https://") for one in begins):
        return True
    schemes = [one.operand for one in flat if one.name == "scheme"]
    if "https_host" in names and any(
        "https" not in (one if isinstance(one, list) else [one]) for one in schemes
    ):
        return True
    return "email_domain" in names and not names.isdisjoint(_URLS)


def _begins(text: str, start: str) -> bool:
    size = min(len(text), len(start))
    return text[:size].lower() == start[:size]


def _operands(flat: Sequence[Matcher], name: str) -> list[str]:
    return [cast("str", one.operand) for one in flat if one.name == name]
