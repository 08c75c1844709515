"""The words of a record: what a search for text looks at, with an index and without one.

A word is a run of letters and digits, case folded. The index is given these words, not the text, so that both
ways of searching find the same records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from mcpbridge.errors import UsageError

_WORD: Final = re.compile(r"[^\W_]+")
FIELDS: Final = ("server_label", "tool", "principal", "approver", "rule_ids", "reason", "arguments")
"""Columns of the index that are searched. `reason` has every free text of the record."""
_FREE: Final = ("reason", "error", "note", "message", "on_behalf_of", "reviewer")


class Term(NamedTuple):
    """Words that must stand next to each other in one field."""

    words: str
    prefix: bool
    """The last word may go on: `cert*`."""


def fields_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of each of FIELDS, one blank between them."""
    return (
        _short(record.get("server_label")),
        _short(record.get("tool")),
        _short(record.get("principal")),
        _short(record.get("approver")),
        words_of(record.get("rule_ids")),
        " ".join(filter(None, (words_of(record.get(name)) for name in _FREE))),
        words_of(record.get("arguments")),
    )


def words_of(value: Any) -> str:
    """All words of a JSON value, names too, in their order."""
    if value is None or value in ([], {}):
        return ""
    text = value if isinstance(value, str) else "\n".join(_leaves(value))
    return " ".join(_WORD.findall(text.casefold()))


@lru_cache(maxsize=4_096)
def _known(text: str) -> str:
    return words_of(text)


def _short(value: Any) -> str:
    """Names come again and again."""
    return _known(value) if isinstance(value, str) else words_of(value)


def _leaves(value: Any) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for name, item in reversed(cast("dict[str, Any]", value).items()):
                waiting += (item, name)
        elif isinstance(value, list):
            waiting.extend(reversed(value))  # pyright: ignore[reportUnknownArgumentType]
        elif value is not None:
            yield str(value)


def terms_of(text: str) -> tuple[Term, ...]:
    """What a search asks for. Raises UsageError where it has no word."""
    found = tuple(
        Term(words, part.endswith("*"))
        for part in text.split()
        if (words := " ".join(_WORD.findall(part.casefold())))
    )
    if not found:
        raise UsageError(
            f"the text {text!r} has no word to look for; write letters or digits, such as invoice"
        )
    return found


def holds(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a record has every term of a search."""
    needles = [f" {term.words}" + ("" if term.prefix else " ") for term in terms_of(text)]

    def has(record: Mapping[str, Any]) -> bool:
        everything = "".join(f" {field} \n" for field in fields_of(record))
        return all(needle in everything for needle in needles)

    return has


def match_of(text: str) -> str:
    """The same search for SQLite's FTS5."""
    return " ".join(f'"{term.words}"' + " *" * term.prefix for term in terms_of(text))
