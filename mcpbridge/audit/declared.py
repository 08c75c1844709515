"""Which arguments are secret because somebody said so: `{tool: "bank.*", fields: [pin, card.number]}`.

A field without a dot is that name at any depth. One with dots is the way from the top of the arguments, `*`
standing for any one name; lists on the way are looked through. Names are compared exactly, as globs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSecrets:
    """Fields of the arguments of some tools."""

    tool: str
    """A pattern for `label.tool`."""
    fields: tuple[str, ...]


Way = tuple[str, ...]
"""The names from the top of the arguments to a value."""


class SecretFields:
    """The fields that are declared secret for one tool."""

    __slots__ = ("_anywhere", "_mention", "_ways")

    def __init__(self, fields: Iterable[str]) -> None:
        given = tuple(dict.fromkeys(fields))
        self._anywhere = tuple(field for field in given if "." not in field)
        self._ways = tuple(tuple(field.split(".")) for field in given if "." in field)
        names = {field.rpartition(".")[2] for field in given}
        plain = "|".join(re.escape(name) for name in sorted(names) if not {"*", "?", "["} & {*name})
        self._mention = re.compile(rf"(?<![^\W_])(?:{plain})\\*[\"']?\s*[=:]") if plain else None

    def __bool__(self) -> bool:
        return bool(self._anywhere or self._ways)

    def __call__(self, way: Way) -> bool:
        """Whether the value that `way` leads to is secret, with all below it. Of arguments that could not be
        read nobody can tell where a field is: all of their text is."""
        return (
            way == MALFORMED
            or any(fnmatchcase(way[-1], name) for name in self._anywhere)
            or any(len(names) == len(way) and all(map(fnmatchcase, way, names)) for names in self._ways)
        )

    def mentions(self, text: str) -> bool:
        """Whether a value that is text gives one of the fields itself: `{"pin": …}` within it, `pin=…`."""
        return self._mention is not None and self._mention.search(text) is not None


MALFORMED: Final[Way] = ("malformed",)
"""Where the engine puts the text of arguments that are not JSON."""
NOTHING: Final = SecretFields(())


class Declared:
    """All declarations of a log."""

    __slots__ = ("_given",)

    def __init__(self, given: Iterable[DeclaredSecrets] = ()) -> None:
        self._given = tuple(given)

    def __bool__(self) -> bool:
        return bool(self._given)

    def of(self, tool: str) -> SecretFields:
        """What is declared for `label.tool`."""
        if not self._given:
            return NOTHING
        return SecretFields(
            field for one in self._given if fnmatchcase(tool, one.tool) for field in one.fields
        )
