"""Any value → plain JSON text that one line can hold. Lossy steps are reported, nothing raises.

Arguments are chosen by a model: lone surrogates, NaN, 400-digit integers and a nesting of 5,000 all occur.
The common case is one `json` call and a few looks at its output; only odd values are walked.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast

from mcpbridge.core.secret import MASK, Secret

MAX_DEPTH: Final = 64
"""Levels below one field; the same as core.strict_json allows arguments to have."""
_MAX_NODES: Final = 1_000_000
"""More values than 1 MB of JSON can hold; shared references could unfold without end."""
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_ALIKE: Final = bytes.maketrans(b"123456789[", b"000000000{")
_LONG_NUMBER: Final = b"0" * 19
"""64-bit integers have up to 20 digits; with all digits made equal one plain search finds the candidates."""
_BREAKING: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What json leaves alone, yet ends a line, moves a cursor or reorders text somewhere."""


def _encoder(*, sort_keys: bool) -> Callable[[Any], str]:
    """`JSONEncoder.encode` without what it does anew for every call: two thirds of its time on a record."""
    encoder = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), sort_keys=sort_keys
    )
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # pragma: no cover - an interpreter without the C accelerator
        return encoder.encode
    text: Any = json.encoder.encode_basestring
    chunks: Any = make(None, encoder.default, text, None, ":", ",", sort_keys, False, False)
    return lambda value: "".join(chunks(value, 0))


encode_again: Final = _encoder(sort_keys=False)
"""Compact JSON of a value that is already plain."""
_encode_sorted: Final = _encoder(sort_keys=True)


def encode_plain(value: Any, *, most: int = _MAX_NODES) -> tuple[str, Any, bool]:
    """Compact JSON of `value`, the value it stands for, and whether something was lost on the way.

    At most `most` values are kept.
    """
    try:
        text = encode_again(value)
        if harmless(text):
            return text, value, False
    except Exception:  # noqa: BLE001, S110 # boundary: a field's own code may raise anything; walked below
        pass
    walk = _Walk(most)
    value = walk.value(value, 0)
    return encode_again(value), value, walk.changed


def encode_sorted(value: Any) -> str:
    """Compact JSON with sorted keys, of a value that is already plain: one text for one meaning."""
    try:
        return _encode_sorted(value)
    except TypeError:  # keys of several types do not sort; their text does
        return _encode_sorted(json.loads(encode_again(value)))


def safe_line(text: str) -> str:
    """JSON text without line breaks, control or direction characters; the same value when read."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _BREAKING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def harmless(text: str) -> bool:
    """Whether JSON text holds nothing that some reader chokes on: it needs no walk. Raises
    UnicodeEncodeError on a lone surrogate."""
    data = text.encode().translate(_ALIKE)
    return data.count(b"{") <= MAX_DEPTH and _LONG_NUMBER not in data


def strings_of(value: Any) -> list[str]:
    """Every text in a value that is already plain, names too."""
    found: list[str] = []
    waiting: list[Any] = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            pairs = cast("dict[str, Any]", value)
            found.extend(map(str, pairs))
            waiting.extend(pairs.values())
        elif isinstance(value, list | tuple):
            waiting.extend(cast("list[Any]", value))
    return found


def leaves_of(value: Any) -> Iterator[str]:
    """Every text and every number (as text) in a value that is already plain, in order; no names, nothing
    empty."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            yield from leaves_of(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            yield from leaves_of(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def numbers_as_text(value: Any) -> Any:
    """Every number written out as text, in a value that is already plain."""
    match value:
        case bool() | None | str():
            return value
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {key: numbers_as_text(item) for key, item in pairs}
        case list() | tuple():
            return [numbers_as_text(item) for item in cast("list[Any]", value)]
        case _:
            return str(value)


class _Walk:
    """One pass over a value that `json` alone does not do justice to."""

    __slots__ = ("_left", "changed")

    def __init__(self, most: int) -> None:
        self.changed = False
        self._left = most

    def value(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            return self._lost("[too many values]")
        try:
            if isinstance(value, Mapping):
                return self._mapping(cast("Mapping[Any, Any]", value), depth)  # type: ignore[redundant-cast]
            if isinstance(value, list | tuple):
                return self._list(cast("list[Any]", value), depth)
            return self._leaf(value)
        except Exception:  # noqa: BLE001 # boundary: a value's own methods may raise anything
            return self._lost("[unreadable]")

    def _lost(self, text: str) -> str:
        self.changed = True
        return text

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if depth > MAX_DEPTH:
            return self._lost(f"[nested deeper than {MAX_DEPTH} levels]")
        return {self._key(key): self.value(item, depth + 1) for key, item in value.items()}

    def _list(self, value: list[Any], depth: int) -> Any:
        if depth > MAX_DEPTH:
            return self._lost(f"[nested deeper than {MAX_DEPTH} levels]")
        return [self.value(item, depth + 1) for item in value]

    def _key(self, key: Any) -> str:
        if isinstance(key, str):
            return self._text(key)
        self.changed = True
        return str(self._leaf(key))

    def _leaf(self, value: Any) -> Any:
        match value:
            case None | bool():
                return value
            case str():
                return self._text(value)
            case int():
                return self._integer(value)
            case float():
                return float(value) if math.isfinite(value) else self._lost(_not_finite(value))
            case datetime():
                return value.isoformat()
            case Secret():
                return MASK
            case _:
                return self._lost(f"[{type(value).__name__}]")

    def _text(self, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            return self._lost(text.encode("utf-8", "backslashreplace").decode())
        return str(text)

    def _integer(self, value: int) -> Any:
        if _INT_MIN <= value <= _INT_MAX:
            return int(value)
        # Decimal text of a very long integer costs quadratic time, and CPython refuses it (PEP 682 limit).
        return self._lost(str(int(value)) if value.bit_length() < 4_096 else f"{int(value):#x}"[:2_000])


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
