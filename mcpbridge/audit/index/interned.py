"""Ids that many records share, as small numbers."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from mcpbridge.audit.filters import text_of

_REMEMBERED: Final = 4_096
"""Ids in memory. Records of one run stand close together, so few are looked up again."""


class Interned:
    """The ids of one table."""

    __slots__ = ("_base", "_find", "_insert", "_known")

    def __init__(self, base: sqlite3.Connection, table: str, column: str) -> None:
        self._base = base
        self._known: dict[str, int] = {}
        # Names of schema.INTERNED, nothing from outside.
        self._find = f"SELECT id FROM {table} WHERE {column} = ?"  # noqa: S608
        self._insert = f"INSERT INTO {table} ({column}) VALUES (?)"  # noqa: S608

    def of(self, value: Any) -> int | None:
        """The number of an id, which is kept where it is new."""
        text = text_of(value)
        if text is None:
            return None
        number = self._known.get(text)
        if number is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            number = self._known[text] = self._number(text)
        return number

    def _number(self, text: str) -> int:
        row = self._base.execute(self._find, (text,)).fetchone()
        return int(row[0]) if row else self._base.execute(self._insert, (text,)).lastrowid or 0
