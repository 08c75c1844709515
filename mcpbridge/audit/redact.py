"""Arguments stay readable, except what looks like a secret: that becomes an HMAC."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from mcpbridge.audit.declared import NOTHING, SecretFields, Way
from mcpbridge.audit.keys import key_id
from mcpbridge.audit.looks import (
    DENSE_LENGTH,
    Look,
    dense,
    hinted,
    looks,
    maybe_dense,
    maybe_named,
    secret_name,
    telling,
)
from mcpbridge.core.secret import MASK

_NAME_KEYS: Final = ("name", "key", "header")
MAX_HIDDEN: Final = 4_096
"""Leaves of one record that get an HMAC each; those after them are only masked."""
_MAX_SPLICE: Final = 4_000_000
"""Characters times parts: what looking for all of them in one text may cost."""
_MAX_FOUND: Final = 50_000


class Redactor:
    """Hides secrets: `{"hmac": …, "key": …}` stands for a whole value, `[hmac:key:…]` for a part of one."""

    __slots__ = ("_empty", "key_id")

    def __init__(self, key: bytes) -> None:
        # Copied for each text: `hmac.digest` lets go of the GIL every time, which costs more than the hash.
        self._empty = hmac.new(key, digestmod="sha256")
        self.key_id = key_id(key)

    def hmac(self, text: str) -> str:
        """HMAC-SHA256, hex, of the text's UTF-8."""
        digest = self._empty.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def value(
        self, value: Any, text: str, *, declared: SecretFields = NOTHING
    ) -> tuple[Any, list[str], bool]:
        """`value` (plain JSON, with its text) without what looks secret or is declared so, the texts hidden,
        and whether there were more than are listed."""
        shapes, names = hinted(text), maybe_named(text)
        if not (shapes or names or declared or maybe_dense(text)):
            return value, [], False
        walk = _Walk(self, shapes=shapes, names=names, declared=declared)
        return walk.value(value), walk.hidden, walk.too_many

    def about(self, text: str) -> dict[str, Any]:
        """What stands for a text that may not be kept. Not its SHA-256: that would confirm a guess."""
        return {"size": len(text.encode("utf-8", "surrogatepass")), **self.whole(text)}

    def whole(self, text: str) -> dict[str, str]:
        return {"hmac": self.hmac(text), "key": self.key_id}

    def part(self, text: str) -> str:
        return f"[hmac:{self.key_id}:{self.hmac(text)}]"

    def text(self, text: str) -> str:
        """A field that is not arguments (a reason, an error): parts with a credential's shape are hidden."""
        found = looks(text)
        return self.without(text, found) if found else text

    def without(self, text: str, found: list[Look]) -> str:
        """The text without the secrets in what was found there. What tells that they are some stays, so that
        the HMAC is the secret's own: equal wherever it stands, and found by whoever looks for it."""
        needles = _needles(found)
        if not _affordable(text, needles):
            return self.part(text)
        parts = {needle.secret: self.part(needle.secret) for needle in needles}
        placed = [
            (look.at + start, -(look.at + end), parts[look.text[start:end]])
            for look in found
            for start, end in look.spans
        ]
        kept = _replaced(text, {needle: parts[needle.secret] for needle in needles}, placed)
        return self.part(text) if kept is None else kept

    def texts(self, value: Any) -> Any:
        """The same for any value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {self.text(str(key)): self.texts(item) for key, item in pairs}
        if isinstance(value, list | tuple):
            return [self.texts(item) for item in cast("list[Any]", value)]
        return value


class _Walk:
    """One pass over a call's arguments."""

    __slots__ = ("_declared", "_masked", "_names", "_redactor", "_shapes", "_way", "hidden", "too_many")

    def __init__(self, redactor: Redactor, *, shapes: bool, names: bool, declared: SecretFields) -> None:
        self._redactor, self._shapes, self._names, self._declared = redactor, shapes, names, declared
        self._way: Way = ()
        self.hidden: list[str] = []
        self.too_many = False
        self._masked = 0

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._pairs(cast("dict[str, Any]", value))
        if isinstance(value, list | tuple):
            return [self.value(item) for item in cast("list[Any]", value)]
        return value

    def _pairs(self, pairs: dict[str, Any]) -> dict[str, Any]:
        named = (
            self._names
            and "value" in pairs
            and any(isinstance(said := pairs.get(key), str) and secret_name(said) for key in _NAME_KEYS)
        )
        result: dict[str, Any] = {}
        for key, item in pairs.items():
            text = str(key)
            hide = self._names and (secret_name(text) or (named and text == "value"))
            if self._declared:
                result[self._key(text)] = self._below(text, item, hide=hide)
            else:
                result[self._key(text)] = self._hide(item) if hide else self.value(item)
        return result

    def _below(self, name: str, value: Any, *, hide: bool) -> Any:
        """The value under a name, where what is secret depends on the way that leads there."""
        before, self._way = self._way, (*self._way, name)
        try:
            return self._hide(value) if hide or self._declared(self._way) else self.value(value)
        finally:
            self._way = before

    def _hide(self, value: Any) -> Any:
        """Every leaf below a secret's name; flags and empty values tell nothing."""
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {self._key(str(key)): self._hide(item) for key, item in pairs}
        if isinstance(value, list | tuple):
            return [self._hide(item) for item in cast("list[Any]", value)]
        if value is None or isinstance(value, bool) or value == "":
            return value
        return self._whole(str(value))

    def _whole(self, text: str) -> Any:
        return self._redactor.whole(text) if self._listed(text) else MASK

    def _listed(self, text: str) -> bool:
        if len(self.hidden) >= MAX_HIDDEN:
            self.too_many = True
            return False
        self.hidden.append(text)
        return True

    def _text(self, text: str) -> Any:
        if (len(text) >= DENSE_LENGTH and dense(text)) or self._declared.mentions(text):
            return self._whole(text)
        found = looks(text) if self._shapes else []
        if not found:
            return text
        needles = _needles(found)
        if Look.all_of(text) in found or not _affordable(text, needles):
            return self._whole(text)
        return self._without(text, found, needles)

    def _key(self, text: str) -> str:
        found = looks(text) if self._shapes else []
        if (len(text) >= DENSE_LENGTH and dense(text)) or (found and not _affordable(text, _needles(found))):
            found = [Look.all_of(text)]
        return self._without(text, found, _needles(found)) if found else text

    def _without(self, text: str, found: list[Look], needles: list[_Needle]) -> str:
        listed = [self._listed(needle.text) for needle in needles]
        if not all(listed):
            self._masked += 1
            return f"{MASK} {self._masked}"  # keys stay apart
        return self._redactor.without(text, found)


class _Needle(NamedTuple):
    """A text that goes wherever it stands, but for what is around the secret in it."""

    text: str
    start: int
    end: int

    @property
    def secret(self) -> str:
        return self.text[self.start : self.end]


def _needles(found: list[Look]) -> list[_Needle]:
    every = (
        _Needle(secret, 0, len(secret))
        if telling(secret := look.text[start:end])
        else _Needle(look.text, start, end)
        for look in found
        for start, end in look.spans
    )
    return list(dict.fromkeys(every))


def _affordable(text: str, needles: list[_Needle]) -> bool:
    return len(text) * len(needles) <= _MAX_SPLICE


def spliced(text: str, stand_ins: Mapping[str, str]) -> str | None:
    """`text` with every occurrence of a key replaced, in one pass: a stand-in is not searched again. Where
    occurrences overlap, all of them go. None when there are too many."""
    return _replaced(
        text, {_Needle(part, 0, len(part)): stand_in for part, stand_in in stand_ins.items()}, []
    )


def _replaced(text: str, stand_ins: Mapping[_Needle, str], placed: list[tuple[int, int, str]]) -> str | None:
    """`placed`: what goes in any case, as start, minus end, and what stands there then."""
    found = placed
    for needle, stand_in in stand_ins.items():
        at = text.find(needle.text)
        while at >= 0:
            found.append((at + needle.start, -(at + needle.end), stand_in))
            at = text.find(needle.text, at + len(needle.text))
        if len(found) > _MAX_FOUND:
            return None
    found.sort()
    kept: list[str] = []
    done = 0
    for start, end, stand_in in found:
        if start >= done:
            kept += (text[done:start], stand_in)
        done = max(done, -end)
    kept.append(text[done:])
    return "".join(kept)
