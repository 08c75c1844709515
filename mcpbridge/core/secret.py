"""Secrets are a type of their own: they have no repr, no JSON and no equality with text."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus, unquote_to_bytes

from mcpbridge.core.raw import mapping

MASK: Final = "[secret]"
_MIN_MASKED: Final = 6
"""Shorter values would mask ordinary words; a credential that short protects nothing."""
_ESCAPES: Final = re.compile(
    r"(?P<units>(?:\\+u[0-9A-Fa-f]{4})+)|(?P<percent>(?:%[0-9A-Fa-f]{2})+)|\\+(?=[\"/])|\\{2,}"
)
"""What JSON (also inside JSON text, at any depth) and URLs write instead of a character."""
_UNIT: Final = re.compile(r"\\+u")
_BEGUN: Final = re.compile(r"\\+(?:u[0-9A-Fa-f]{0,3})?$|%[0-9A-Fa-f]?$")
"""An escape that a later piece of a stream may complete."""
_URL_SAFE: Final = str.maketrans("+/", "-_")
_UPPER_HEX: Final = re.compile(r"%[0-9A-F]{2}")


class Secret:
    """A credential. Only `reveal()` gives the text; everything else shows a mask.

    `parts` are the pieces of it that are secret by themselves (`key=${env:TOKEN}` has one).
    """

    __slots__ = ("_value", "parts")

    def __init__(self, value: str, *, parts: Iterable[Secret] = ()) -> None:
        self._value = value
        self.parts = tuple(parts)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret([secret])"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is never pickled or copied into saved state")


def _spellings(value: str) -> set[str]:
    """The value as it is, in a URL, inside JSON text (some escape the slash), and inside that once more.

    Found by plain search. Other escapes are found by `_unescaped`, which takes longer.
    """
    inside = json.dumps(value, ensure_ascii=False)[1:-1]
    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    return {
        value,
        inside,
        json.dumps(inside, ensure_ascii=False)[1:-1],
        json.dumps(value)[1:-1],
        inside.replace("/", "\\/"),
        *quoted,
        *(_UPPER_HEX.sub(lambda found: found[0].lower(), text) for text in quoted),
    }


def _encodings(value: str) -> Iterator[str]:
    """The value as Base64 has it within longer text (three alignments, both alphabets), as hexadecimal, and
    backwards: what somebody does to a credential so that a search does not see it."""
    data = value.encode("utf-8", "surrogatepass")
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode()
        # Only characters that the value alone determines: 6 bits each.
        inside = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield inside
        yield inside.translate(_URL_SAFE)
    yield data.hex()
    yield data.hex().upper()
    yield value[::-1]


def _longest_first(values: Iterable[str]) -> tuple[str, ...]:
    """So that a secret that contains another is masked whole."""
    return tuple(sorted(set(filter(None, values)), key=len, reverse=True))


def _number(value: str) -> float | None:
    """The JSON number that `value` spells, or None."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, float):
        return found if math.isfinite(found) else None
    return found if type(found) is int else None


def _odd(text: str) -> bool:
    """Whether `text` holds escapes that plain search does not know."""
    return "%" in text or ("\\" in text and ("\\u" in text or "\\/" in text or "\\\\" in text))


def _character(found: re.Match[str]) -> str:
    """What an escape (or several in a row) stands for; what stands for nothing is dropped."""
    if found["units"]:
        units = "".join(chr(int(unit[:4], 16)) for unit in _UNIT.split(found["units"])[1:])
        return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    if found["percent"]:
        return unquote_to_bytes(found["percent"]).decode("utf-8", "ignore")
    return "" if found.string[found.end() : found.end() + 1] in ('"', "/") else "\\"


def _unescaped(text: str) -> str:
    return _ESCAPES.sub(_character, text)


def _unescaped_places(text: str) -> tuple[str, list[int], list[int]]:
    """`_unescaped`, and where each character of it begins and ends in `text`."""
    plain: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    position = 0
    for found in _ESCAPES.finditer(text):
        start, end = found.span()
        made = _character(found)
        plain += (text[position:start], made)
        begins += (*range(position, start), *[start] * len(made))
        ends += (*range(position + 1, start + 1), *[end] * len(made))
        position = end
    plain.append(text[position:])
    begins += range(position, len(text))
    ends += range(position + 1, len(text) + 1)
    return "".join(plain), begins, ends


class Mask:
    """Known secrets, to be masked wherever text from outside comes by (a server may echo them).

    Grows only; `add` takes whole header values, and also masks their parts and the credential behind
    an authentication scheme (`Bearer x` masks `x`). A secret is found however JSON or a URL escapes it,
    and where it stands as a number; whole, also in Base64, in hexadecimal and backwards. Anything else that
    somebody makes of it (encrypted, compressed, in pieces, with letters exchanged) is not known here.
    """

    __slots__ = ("_bare", "_bare_needles", "_known", "_needles", "_numbers", "_searchable", "_values")

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        self._values: tuple[str, ...] = ()
        self._needles: tuple[str, ...] = ()
        """All that is searched for: `_values`, and encodings of them."""
        self._bare: tuple[str, ...] = ()
        self._bare_needles: tuple[str, ...] = ()
        self._numbers: frozenset[float] = frozenset()
        self._searchable = True
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        known = self._known | {
            part
            for secret in secrets
            for each in (secret, *secret.parts)
            for value in (each.reveal().strip(),)
            for part in (value, value.partition(" ")[2].strip())
            if len(part) >= _MIN_MASKED
        }
        if len(known) == len(self._known):
            return
        self._known = known
        self._values = _longest_first(spelling for value in known for spelling in _spellings(value))
        self._bare = _longest_first(_unescaped(value) for value in known)
        encoded = [text for value in known for text in _encodings(value)]
        self._needles = _longest_first((*self._values, *encoded))
        self._bare_needles = _longest_first((*self._bare, *encoded))
        self._numbers = frozenset(number for number in map(_number, known) if number is not None)
        self._searchable = not self._numbers and all(
            '"' not in value and "\\" not in value and value.isprintable() for value in known
        )

    def text(self, text: str) -> str:
        """`text` with every known secret replaced."""
        for value in self._needles:
            if value in text:
                text = text.replace(value, MASK)
        return self._unescaping(text) if self._bare and _odd(text) else text

    def _unescaping(self, text: str) -> str:
        plain = _unescaped(text)
        if not any(value in plain for value in self._bare_needles):
            return text
        plain, begins, ends = _unescaped_places(text)
        shown, after = "", 0
        for start, end in sorted((begins[at], ends[last]) for at, last in _places(plain, self._bare_needles)):
            if end > after:
                shown += text[after:start] + MASK if start >= after else ""
                after = end
        return shown + text[after:]

    def open_end(self, text: str) -> int:
        """How many characters at the end of `text` could be the beginning of a known secret."""
        longest = _open_end(text, self._values)
        if "\\" not in text and "%" not in text:
            return longest
        begun = _BEGUN.search(text)
        whole = text[: begun.start()] if begun else text
        plain, begins, _ = _unescaped_places(whole)
        size = _open_end(plain, self._bare)
        start = begins[len(plain) - size] if size else len(whole)
        return max(longest, len(text) - start)

    def found_in(self, text: str) -> bool:
        """Whether a known secret occurs in `text`."""
        for value in self._needles:  # a generator would cost three times as much, for every audit record
            if value in text:
                return True
        if not self._bare or not _odd(text):
            return False
        plain = _unescaped(text)
        return any(value in plain for value in self._bare_needles)

    def rules_out(self, json_text: str) -> bool:
        """Whether no value of this JSON text can hold a known secret. False means: look at the values."""
        return self._searchable and not self.found_in(json_text)

    def holds(self, value: Any) -> bool:
        """Whether a known secret occurs in a JSON value, or in the value of JSON text in it."""
        if isinstance(value, str):
            if self.found_in(value):
                return True
            if self._searchable:
                return False
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return False
            if isinstance(value, str):
                return self.found_in(value)
        try:
            return bool(self.value(value) != value)
        except RecursionError:
            return True  # nobody can look, so nobody may approve it

    def value(self, value: Any) -> Any:
        """A JSON value with every known secret replaced, in keys too."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                pairs = mapping(cast("object", value)).items()
                return {self.text(str(key)): self.value(item) for key, item in pairs}
            case list() | tuple():
                return [self.value(item) for item in cast("Iterable[Any]", value)]
            case int() | float() if self._numbers and not isinstance(value, bool) and value in self._numbers:
                return MASK
            case _:
                return value


def _places(text: str, values: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The first and the last character of each occurrence."""
    for value in values:
        at = text.find(value)
        while at >= 0:
            yield at, at + len(value) - 1
            at = text.find(value, at + 1)


def _open_end(text: str, values: Iterable[str]) -> int:
    longest = 0
    for value in values:
        for size in range(min(len(value) - 1, len(text)), longest, -1):
            if text.endswith(value[:size]):
                longest = size
                break
    return longest
