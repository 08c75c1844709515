"""Arguments under names that differ in letter case only: which of them a server reads, nobody knows.

Go's `encoding/json` and many others find `Amount` for `amount`, and of two the last one wins. A rule about
`amount` that reads the first has been talked past, so the value of each such name is undecided.
"""

from __future__ import annotations

import operator
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, cast

DOUBTFUL: Final = object()
"""No JSON value, so no matcher decides about it."""


def without_doubled(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same arguments (this very object, nearly always), DOUBTFUL where a name has a double."""
    twice = doubled(arguments)
    changed = {
        name: found
        for name, value in arguments.items()
        if isinstance(value, dict | list) and (found := _inside(cast("object", value))) is not value
    }
    if not twice and not changed:
        return arguments
    return {**arguments, **changed, **dict.fromkeys(twice, DOUBTFUL)}


def _inside(value: object) -> object:
    if isinstance(value, dict):
        return without_doubled(cast("dict[str, Any]", value))
    if not isinstance(value, list):
        return value
    items = cast("Sequence[object]", value)
    found = [_inside(item) for item in items]
    return items if all(map(operator.is_, found, items)) else found


def doubled(names: Collection[str]) -> Sequence[str]:
    """Those of the names that another one equals but for letter case."""
    if len({*map(str.casefold, names)}) == len(names) and all(map(str.isascii, names)):
        return ()
    count = Counter(map(_folded, names))
    return [name for name in names if count[_folded(name)] > 1]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
