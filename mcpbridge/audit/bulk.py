"""Which records are too large to be encoded where other conversations wait."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, cast

from mcpbridge.ports import Record

_SMALL: Final = 50_000
"""Characters of a record that take some milliseconds at most, whatever is in them."""
_VALUE: Final = 16
"""What a value counts beside its characters."""

_Holder = dict[Any, Any] | list[Any] | tuple[Any, ...]


def large(record: Record) -> bool:
    """Whether a record has more than that to encode. Looks no further than it must."""
    left = _SMALL - sum(map(len, record.blobs)) if record.blobs else _SMALL
    waiting: list[Any] = [record.fields]
    for value in waiting:  # grows while it is walked
        if value.__class__ is str:
            left -= len(value)
        elif isinstance(value, dict | list | tuple):
            inside = _inside(cast("_Holder", value))  # type: ignore[redundant-cast]
            left -= _VALUE * len(inside)
            if left < 0:
                return True
            waiting.extend(inside)
        elif isinstance(value, int):
            left -= value.bit_length() >> 2
    return left < 0


def _inside(value: _Holder) -> Collection[Any]:
    return value.values() if isinstance(value, dict) else value
