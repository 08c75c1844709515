"""Secrets are a type of their own: they have no repr, no JSON and no equality with text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

from mcpbridge.core.raw import mapping

MASK: Final = "[secret]"
_MIN_MASKED: Final = 6
"""Shorter values would mask ordinary words; a credential that short protects nothing."""


class Secret:
    """A credential. Only `reveal()` gives the text; everything else shows a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

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
    """The value as it is, in a URL, inside JSON text (some escape the slash), and inside that once more."""
    inside = json.dumps(value, ensure_ascii=False)[1:-1]
    return {
        value,
        inside,
        json.dumps(inside, ensure_ascii=False)[1:-1],
        json.dumps(value)[1:-1],
        inside.replace("/", "\\/"),
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
    }


class Mask:
    """Known secrets, to be masked wherever text from outside comes by (a server may echo them).

    Grows only; `add` takes whole header values and also masks the credential behind an
    authentication scheme (`Bearer x` masks `x`).
    """

    __slots__ = ("_values",)

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._values: tuple[str, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        found = set(self._values)
        for secret in secrets:
            value = secret.reveal().strip()
            for part in (value, value.partition(" ")[2].strip()):
                if len(part) >= _MIN_MASKED:
                    found.update(_spellings(part))
        # Longest first, so that a secret that contains another is masked whole.
        self._values = tuple(sorted(found, key=len, reverse=True))

    def text(self, text: str) -> str:
        """`text` with every known secret replaced."""
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        return text

    def open_end(self, text: str) -> int:
        """How many characters at the end of `text` could be the beginning of a known secret."""
        longest = 0
        for value in self._values:
            for size in range(min(len(value) - 1, len(text)), longest, -1):
                if text.endswith(value[:size]):
                    longest = size
                    break
        return longest

    def found_in(self, text: str) -> bool:
        """Whether a known secret occurs in `text`."""
        return any(value in text for value in self._values)

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
            case _:
                return value
