"""What was hidden in a call's arguments, hidden again in texts that may repeat it (reasons, screens).

Arguments are chosen by a model, and this runs where the caller waits: the work has a budget, and a text that
would exceed it is withheld instead of searched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

from mcpbridge.audit.redact import Redactor, spliced
from mcpbridge.core.question import visible

_BUDGET: Final = 20_000_000
"""Characters times searches for one record: some tens of milliseconds."""
_CALL: Final = 100
"""What one search costs at least, in characters."""
_SHORT: Final = 6
"""Shorter values are replaced only where they stand in quotes or alone; they would match parts of words."""
SHORTEST: Final = 3
"""And those shorter than this in quotes only."""
_HEAD: Final = 16
"""A screen cuts long values; this much of one still shows that it was there."""
_LONG: Final = 4_096
"""A leaf longer than this is cut by every screen; only its beginning is looked for in other spellings."""


class Hidden:
    """The hidden leaves of one record. `too_many`: there were more than are listed."""

    __slots__ = ("_heads", "_leaves", "_left", "_needles", "_redactor", "_too_many", "_words")

    def __init__(self, leaves: Sequence[str] = (), *, redactor: Redactor, too_many: bool = False) -> None:
        self._leaves, self._redactor, self._too_many = leaves, redactor, too_many
        self._left = _BUDGET
        self._needles: dict[str, str] | None = None
        self._heads: frozenset[str] = frozenset()
        short = sorted({leaf for leaf in leaves if SHORTEST <= len(leaf) < _SHORT}, key=len, reverse=True)
        self._words = _words(short) if short else None
        """Short values where they stand alone, such as a number that a screen shows without quotes."""

    def __bool__(self) -> bool:
        return bool(self._leaves)

    def without(self, text: str) -> str | None:
        """The text with hidden leaves replaced; None when a piece of one would remain, or nobody can tell."""
        if not self._leaves:
            return text
        if self._too_many:
            return None
        if self._needles is None:
            self._needles, self._heads = self._prepared()
        self._left -= (len(text) + _CALL) * (len(self._needles) + len(self._heads))
        if self._left < 0:
            return None
        found = {needle: self._stand_in(leaf) for needle, leaf in self._needles.items() if needle in text}
        kept = spliced(text, found) if found else text
        if kept is not None and self._words is not None:
            kept = self._words.sub(lambda match: self._redactor.part(match[0]), kept)
        return None if kept is None or any(head in kept for head in self._heads) else kept

    def named(self, sha256: str) -> str:
        """What a hash is written as where it would confirm a guess."""
        return self._redactor.hmac(sha256)

    def strings(self, value: Any) -> Any:
        """The same for every text in a plain value, but no key; a text that is withheld says so."""
        if isinstance(value, str):
            kept = self.without(value)
            return self._redactor.about(value) if kept is None else kept
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {key: self.strings(item) for key, item in pairs}
        if isinstance(value, list | tuple):
            return [self.strings(item) for item in cast("list[Any]", value)]
        return value

    def _prepared(self) -> tuple[dict[str, str], frozenset[str]]:
        needles: dict[str, str] = {}
        heads: set[str] = set()
        for leaf in dict.fromkeys(self._leaves):
            for form in _forms(leaf):
                needles[f'"{form}"' if len(leaf) < _SHORT else form] = leaf
                if len(form) > _HEAD:
                    heads.add(form[:_HEAD])
            if len(leaf) > _LONG:
                heads.update(form[:_HEAD] for form in _forms(leaf[:_LONG]))
        return needles, frozenset(heads)

    def _stand_in(self, leaf: str) -> str:
        part = self._redactor.part(leaf)
        return f'"{part}"' if len(leaf) < _SHORT else part


def _words(leaves: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, leaves))})(?![^\W_])")


def _forms(leaf: str) -> Iterator[str]:
    """The leaf as it is, as a screen (core.question) shows it, as JSON in ASCII, and in an address."""
    if leaf.isascii() and leaf.isalnum():
        yield leaf
        return
    shown = json.dumps(leaf, ensure_ascii=False)[1:-1]
    if len(leaf) > _LONG:
        yield from dict.fromkeys((leaf, shown))
        return
    given = leaf.encode("utf-8", "surrogatepass")
    yield from dict.fromkeys(
        (leaf, shown, visible(shown, newlines=False), json.dumps(leaf)[1:-1], shown.replace("/", "\\/"),
         quote(given, safe=""), quote(given), quote_plus(given))
    )  # fmt: skip
