"""Whether the keys of sealed records are there, or were destroyed on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from mcpbridge.audit.blobs import KEY_FOLDER, KEY_SUFFIX, blob_hash
from mcpbridge.audit.chain import Flaw, FlawKind, parsed
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.verifying.ranges import SEALED

_NEEDLES: Final = (SEALED, b'","type":"%b"' % RecordType.ERASED.value.encode())


class _Place(NamedTuple):
    file: str
    line: int


def names_keys(line: bytes) -> bool:
    """Whether a line may be about the key of a sealed record."""
    return any(needle in line for needle in _NEEDLES)


class SealedKeys:
    """The `sealed/` folder of a log under check. The record of an erasure comes after what it is about,
    so what is missing is only known at the end."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / KEY_FOLDER
        self._missing: dict[str, _Place] = {}
        self._altered: dict[str, _Place] = {}
        self._erased: set[str] = set()

    def look_into(self, line: bytes, number: int, file: str) -> None:
        """Take note of the key that a line names, or of those that it says were destroyed."""
        record = parsed(line) or {}
        sealed: Any = record.get("sealed")
        if isinstance(sealed, dict):
            self._named(str(cast("dict[str, Any]", sealed).get("key")), _Place(file, number))
        keys: Any = record.get("keys")
        if record.get("type") == RecordType.ERASED and isinstance(keys, list):
            self._erased.update(str(key) for key in cast("list[object]", keys))

    def _named(self, name: str, place: _Place) -> None:
        found = blob_hash(self._folder, name + KEY_SUFFIX)
        if found is None:
            self._missing[name] = place
        elif found != name:
            self._altered[name] = place

    def flaws(self) -> Iterator[Flaw]:
        """What is wrong, once the whole log was seen."""
        for name, place in self._missing.items():
            if name not in self._erased:
                message = f"the key {name} of this record is missing, and no record says that it was erased"
                yield _flaw(FlawKind.SEALED_KEY_MISSING, message, name, place)
        for name, place in self._altered.items():
            yield _flaw(
                FlawKind.SEALED_KEY_ALTERED, f"the key {name} of this record was altered", name, place
            )


def _flaw(kind: FlawKind, message: str, name: str, place: _Place) -> Flaw:
    return Flaw(line=place.line, file=place.file, kind=kind, message=message, blob=name)
