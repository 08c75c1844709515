"""`256MiB` → bytes. A bare number is refused: nobody can see its unit."""

from __future__ import annotations

import re
from typing import Final

_BYTES: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SIZE: Final = re.compile(r"([1-9][0-9]{0,5})(KiB|MiB|GiB)", re.ASCII)


def parse_size(text: str, *, smallest: int) -> int:
    """Bytes, at least `smallest`. Raises ValueError with what to write."""
    found = SIZE.fullmatch(text)
    if found is None:
        raise ValueError("write a whole number with its unit: 64MiB, 1GiB")
    size = int(found[1]) * _BYTES[found[2]]
    if size < smallest:
        raise ValueError(f"it must be at least {smallest >> 10}KiB")
    return size
