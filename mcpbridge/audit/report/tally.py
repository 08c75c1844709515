"""Counting by name in bounded memory: names beyond a limit are counted together."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import Any, Final, Generic, TypeVar

LONGEST: Final = 120
"""Characters of a name that are kept."""
NAMES: Final = 1_000
"""Names that are counted one by one; later ones are counted together."""
SHOWN: Final = 12
"""Rows of a table."""

NOBODY: Final = "nobody named"
"""Stands for an empty name of a person."""

NO_TOOL: Final = "(no tool named)"

Value = TypeVar("Value")


def name_of(value: Any) -> str:
    """A name as it is counted: text, and not without end. Different long names stay different."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    if len(text) <= LONGEST:
        return text
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{text[:LONGEST]}… ({len(text)} characters, {mark})"


def tool_of(record: dict[str, Any]) -> str:
    """`label.tool`, or what there is of it."""
    label, tool = record.get("server_label"), record.get("tool")
    return name_of(".".join(str(part) for part in (label, tool) if part)) or NO_TOOL


def texts_of(value: Any) -> list[str]:
    """A list of names, where it is one."""
    return [name_of(one) for one in value] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def mappings(value: Any) -> list[dict[str, Any]]:
    """A list of objects, where it is one."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


class Tally:
    """Name → how often, in each of some columns."""

    __slots__ = ("_limit", "beyond", "columns", "rows")

    def __init__(self, *columns: str, limit: int = NAMES) -> None:
        self.columns, self._limit = columns or ("count",), limit
        self.rows: dict[str, list[int]] = {}
        self.beyond = 0
        """What was counted for names that came when there was no place left."""

    def add(self, name: str, column: str = "count") -> None:
        row = self.rows.get(name)
        if row is None:
            if len(self.rows) >= self._limit:
                self.beyond += 1
                return
            row = self.rows[name] = [0] * len(self.columns)
        row[self.columns.index(column)] += 1

    @property
    def total(self) -> int:
        return self.beyond + sum(map(sum, self.rows.values()))

    def top(self, count: int = SHOWN) -> list[tuple[str, list[int]]]:
        """The most frequent names; equal ones by name, so that a report can be made again."""
        return sorted(self.rows.items(), key=lambda item: (-sum(item[1]), item[0]))[:count]

    def more(self, count: int = SHOWN) -> int:
        """How many names are not among the top."""
        return max(len(self.rows) - count, 0) + (1 if self.beyond else 0)


class Latest(Generic[Value]):
    """The latest values by key: the oldest go when there are too many."""

    __slots__ = ("_kept", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[str, ...], Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: tuple[str, ...], value: Value) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def get(self, key: tuple[str, ...]) -> Value | None:
        return self._kept.get(key)

    def pop(self, key: tuple[str, ...]) -> Value | None:
        return self._kept.pop(key, None)

    def values(self) -> list[Value]:
        return list(self._kept.values())


def request_of(record: dict[str, Any]) -> tuple[str, ...]:
    """What tells a request from all others in the log."""
    return name_of(record.get("conversation_id")), name_of(record.get("request_id"))
