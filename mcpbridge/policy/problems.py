"""Everything wrong with a file, collected with its lines, so that it is told at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from mcpbridge.core.yaml_lines import Document, Path
from mcpbridge.errors import ConfigurationError, Problem


class Problems:
    """Collects, and answers the questions every part of the reader has."""

    def __init__(self, file: str, document: Document) -> None:
        self._file, self._document = file, document
        self._found: list[Problem] = []

    @property
    def count(self) -> int:
        return len(self._found)

    def add(self, at: Path, message: str) -> None:
        self._found.append(Problem(file=self._file, line=self.line(at), message=message))

    def line(self, at: Path) -> int:
        return self._document.line(at)

    def error(self) -> ConfigurationError:
        """All problems, in the order of the file."""
        return ConfigurationError(sorted(self._found, key=lambda problem: problem.line))

    def mapping(self, value: object, at: Path, shape: str) -> dict[str, object] | None:
        """The value when it is a mapping; otherwise a problem that says which shape belongs here."""
        if isinstance(value, dict):
            return cast("dict[str, object]", value)
        self.add(at, f"write {shape} here, not {_describe(value)}")
        return None

    def known_keys(
        self,
        mapping: dict[str, object],
        at: Path,
        what: str,
        known: Sequence[str],
        unavailable: Collection[str] = (),
        *,
        instead: str = "remove it",
        synonyms: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Reports keys that do not belong here, those of later versions by their name, with what to do
        `instead`. `synonyms` are words other tools use."""
        for key in mapping:
            if key in unavailable:
                self.add((*at, key), f"`{key}` is not available in this version; {instead}")
            elif key not in known:
                self.add((*at, key), f"unknown {what} `{key}`; {suggest(key, known, synonyms)}")

    def one_of(self, value: object, at: Path, allowed: Sequence[str]) -> str | None:
        """The value when it is one of the allowed words."""
        if isinstance(value, str) and value in allowed:
            return value
        self.add(at, f"write {_or(allowed)} here, not {_describe(value)}")
        return None

    def texts(self, value: object, at: Path, example: str) -> list[tuple[Path, str]]:
        """The texts of a list, each with its place; reports what is no text or stands twice."""
        if not isinstance(value, list) or not value:
            self.add(at, f"write a list such as [{example}] here, not {_describe(cast('object', value))}")  # type: ignore[redundant-cast]
            return []
        texts: list[tuple[Path, str]] = []
        seen: set[str] = set()
        for index, item in enumerate(cast("list[object]", value)):
            if not isinstance(item, str) or not item:
                self.add((*at, index), f"write a text such as {example} here, not {_describe(item)}")
            elif item in seen:
                self.add((*at, index), f"{item!r} stands twice; remove one")
            else:
                seen.add(item)
                texts.append(((*at, index), item))
        return texts


def suggest(key: str, known: Sequence[str], synonyms: Mapping[str, str] = MappingProxyType({})) -> str:
    """`did you mean …?`, and the whole closed set."""
    close = synonyms.get(key.lower()) or meant(key, known)
    listed = f"t is one of: {', '.join(known)}"
    return f"did you mean `{close}`? I{listed}" if close else f"i{listed}"


def meant(key: str, known: Sequence[str]) -> str:
    """The known word that is closest; empty where none is close."""
    import difflib  # only somebody with a mistake needs it

    close = difflib.get_close_matches(key, known, n=1)
    return close[0] if close else ""


def _or(words: Iterable[str]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _describe(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return repr(value) if len(repr(value)) <= 60 else "a long text"
