"""Whether the texts that a line refers to are there, and are what their names say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.blobs import BUNDLE, blob_hash
from mcpbridge.audit.chain import FlawKind, parsed
from mcpbridge.audit.verifying.ranges import TEXTS

_NEAR: Final = 400
"""Bytes from a line's end in which a short list of texts begins."""
_LAST: Final = re.compile(
    rb'"blobs":\[("[0-9a-f]{64}"(?:,"[0-9a-f]{64}")*)\](?:,"sanitized":true)?,"crc":"[0-9a-f]{8}"\}'
)
"""The list as the log writes it: near the end of a line. Only the record itself can end there."""
_CRC_LENGTH: Final = len(b',"crc":"00000000"}')
_LISTS: Final = 10_000
_REMEMBERED: Final = 100_000
"""Good texts that are not read again; forgetting one costs a read."""


class Texts:
    """The `blobs/` folder of a log under check."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._good: set[str] = set()
        self._lists: set[bytes] = set()
        """Ends of lines all of whose texts are good: most lines name the same few."""
        self.bad: dict[str, int] = {}
        """How many records refer to each text that is missing or altered."""

    def known(self, line: bytes) -> bool:
        """Whether a line names no texts, or only such as were found good."""
        at = line.rfind(TEXTS, max(0, len(line) - _NEAR))
        if at < 0:
            return TEXTS not in line
        return line[at:-_CRC_LENGTH] in self._lists

    def check(self, line: bytes) -> Iterator[tuple[FlawKind, str, str]]:
        """What is wrong with the texts of a line for the first time: kind, message, name."""
        if TEXTS not in line:
            return
        begin = line.rfind(TEXTS)
        plain = _LAST.fullmatch(line, begin)
        names = plain[1].decode()[1:-1].split('","') if plain else list(_names(line))
        yield from self._each(names)
        if plain and self._good.issuperset(names):
            if len(self._lists) >= _LISTS:
                self._lists.clear()
            self._lists.add(line[begin:-_CRC_LENGTH])

    def _each(self, names: list[str]) -> Iterator[tuple[FlawKind, str, str]]:
        for name in names:
            if name in self._good:
                continue
            if name in self.bad:
                self.bad[name] += 1
                continue
            wrong = self._wrong(name)
            if wrong:
                self.bad[name] = 1
                yield (*wrong, name)
            else:
                if len(self._good) >= _REMEMBERED:
                    self._good.clear()
                self._good.add(name)

    def _wrong(self, name: str) -> tuple[FlawKind, str] | None:
        found = blob_hash(self._folder, name)
        if found is None:
            return FlawKind.BLOB_MISSING, f"the text {name} that this record refers to is missing from blobs/"
        if not found:
            return FlawKind.BLOB_ALTERED, f"the text {name} that this record refers to cannot be read"
        if found != name.removesuffix(BUNDLE):
            return FlawKind.BLOB_ALTERED, f"the text {name} that this record refers to was altered"
        return None


def _names(line: bytes) -> Iterator[str]:
    """Of a line whose list is not where it usually is."""
    found: dict[str, Any] = parsed(line) or {}
    names: list[Any] = found.get("blobs") or []  # a record with a bundle has these too
    yield from (name for name in names if isinstance(name, str))
    if isinstance(bundle := found.get("blobs_bundle"), str):
        yield bundle + BUNDLE
