"""Which patterns cover which others: exactly, over all names, however long, of any characters.

Only `*` is special and names may hold any character. So let a *stand-in* be the pattern with each `*`
replaced by a character that stands in no pattern. A glob that matches the stand-in must have matched
that character by a `*` of its own, and would match whatever else stood there: it covers the whole
pattern. A glob that does not, misses a name. The same holds for several globs together: the one that
matches the stand-in covers the pattern alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mcpbridge.policy.glob import Glob

FRESH: Final = "\U0010ffff"
"""A noncharacter. The loader refuses patterns of tools that are not printable."""


def stand_ins(pattern: str) -> tuple[str, ...]:
    """Names that stand for all `label.tool` that the pattern matches. One suffices where the pattern has a
    dot; else the dot can be in any of its `*`."""
    if "." in pattern:
        return (pattern.replace("*", FRESH),)
    pieces = pattern.split("*")
    return tuple(
        f"{FRESH.join(pieces[:at])}{FRESH}.{FRESH}{FRESH.join(pieces[at:])}" for at in range(1, len(pieces))
    )


def covers_name(outer: Glob, inner: Glob) -> bool:
    """Whether every text that `inner` matches is matched by `outer`: for principals and groups."""
    return FRESH not in outer.pattern and outer.matches(inner.pattern.replace("*", FRESH))


def covers_tools(outer: Iterable[Glob], inner: Glob) -> bool:
    """Whether every tool that `inner` matches is matched by one of `outer`."""
    globs = tuple(outer)
    return all(any(glob.matches(word) for glob in globs) for word in stand_ins(inner.pattern))


def meet(one: str, other: str) -> bool:
    """Whether some text is matched by both patterns."""
    places = {0}
    for char in one:
        places = _after(places, char, other)
    return len(other) in _skipped(places, other)


def _after(places: set[int], char: str, other: str) -> set[int]:
    """Where the other pattern can stand after this character of the first one."""
    places = _skipped(places, other)
    if char == "*":
        return set(range(min(places), len(other) + 1)) if places else set()
    stay = {at for at in places if at < len(other) and other[at] == "*"}
    return stay | {at + 1 for at in places if at < len(other) and other[at] == char}


def _skipped(places: set[int], pattern: str) -> set[int]:
    """With the places that are reached by letting a `*` stand for nothing."""
    found = set(places)
    for at in sorted(places):
        stars = len(pattern[at:]) - len(pattern[at:].lstrip("*"))
        found |= set(range(at, at + stars + 1))
    return found


def reaches(pattern: str, label: str) -> bool:
    """Whether the pattern matches any tool of a server with this label."""
    places = _skipped({0}, pattern)
    for char in f"{label}.":
        stay = {at for at in places if at < len(pattern) and pattern[at] == "*"}
        step = {at + 1 for at in places if at < len(pattern) and pattern[at] == char}
        places = _skipped(stay | step, pattern)
    return any(at < len(pattern) for at in places)


class Coverage:
    """Many patterns, each of an owner (a rule's place), asked which owners cover a stand-in.

    Patterns are kept by what they begin with, so that most are never looked at.
    """

    def __init__(self, patterns: Iterable[tuple[str, int]]) -> None:
        self._exact: dict[str, set[int]] = {}
        self._globs: dict[str, dict[str, tuple[Glob, set[int]]]] = {}
        self._known: dict[str, frozenset[int]] = {}
        for pattern, owner in patterns:
            self._add(pattern, owner)
        self._lengths = sorted({len(prefix) for prefix in self._globs})

    def _add(self, pattern: str, owner: int) -> None:
        prefix, star, _ = pattern.partition("*")
        if not star:
            self._exact.setdefault(pattern, set()).add(owner)
            return
        bucket = self._globs.setdefault(prefix, {})
        bucket.setdefault(pattern, (Glob(pattern), set()))[1].add(owner)

    def owners(self, word: str) -> frozenset[int]:
        """Who covers this stand-in (or has this very name)."""
        found = self._known.get(word)
        if found is None:
            found = self._known[word] = frozenset(self._look(word))
        return found

    def _look(self, word: str) -> set[int]:
        found = set(self._exact.get(word, ()))
        for length in self._lengths:
            for glob, owners in self._globs.get(word[:length], {}).values():
                if not owners <= found and glob.matches(word):
                    found |= owners
        return found
