"""Which records are too large to be encoded where other conversations wait."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from mcpbridge.ports import Record

_SMALL: Final = 50_000
"""Characters of a record that take some milliseconds at most, whatever is in them."""
_VALUE: Final = 16
"""What a value counts beside its characters."""


def large(record: Record) -> bool:
    """Whether a record has more than that to encode. Looks no further than it must."""
    left = _SMALL - sum(map(len, record.blobs)) if record.blobs else _SMALL
    waiting: list[Collection[Any]] = [record.fields.values()]
    for values in waiting:  # grows while it is walked
        left -= _VALUE * len(values)
        if left < 0:
            return True
        for value in values:
            if value.__class__ is str:
                left -= len(value)
            elif isinstance(value, dict):
                waiting.append(value.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            elif isinstance(value, (list, tuple)):
                waiting.append(value)  # pyright: ignore[reportUnknownArgumentType]
            elif isinstance(value, int):
                left -= value.bit_length() >> 2
    return left < 0
