"""Parquet for DuckDB, Spark and data frames, through pyarrow (the extra `parquet`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, BinaryIO, Final

import mcpbridge
from mcpbridge.audit.export.columns import COLUMNS, cells_of
from mcpbridge.errors import UsageError

_ROWS: Final = 10_000
_BYTES: Final = 16 * 2**20
"""A row group ends at so many rows, or so much text: what is held in memory."""


def write_parquet(records: Iterable[dict[str, Any]], file: BinaryIO) -> int:
    """Row groups of typed columns, compressed. Raises UsageError without pyarrow."""
    arrow, parquet = _loaded("pyarrow"), _loaded("pyarrow.parquet")
    schema = _schema(arrow)
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd", write_page_index=True) as writer:
        for rows in _groups(records):
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema), row_group_size=_ROWS)
            count += len(rows)
    return count


def _loaded(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(
            "Parquet is written by pyarrow, which is not installed; run pip install 'mcpbridge[parquet]'"
        ) from None


def _schema(arrow: Any) -> Any:
    text = arrow.string()
    types = {
        "text": text,
        "json": text,
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "flag": arrow.bool_(),
        "time": arrow.timestamp("us", tz="UTC"),
        "names": arrow.list_(text),
    }
    fields = [arrow.field(name, types[kind]) for name, kind in COLUMNS.items()]
    return arrow.schema(fields, metadata={"mcpbridge": mcpbridge.__version__})


def _groups(records: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    size = 0
    for record in records:
        cells = _timed(cells_of(record))
        rows.append(cells)
        size += sum(len(value) for value in cells.values() if isinstance(value, str))
        if len(rows) >= _ROWS or size >= _BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _timed(cells: dict[str, Any]) -> dict[str, Any]:
    """Times as times; a text that is none is left out (records of ours always have one)."""
    for name, kind in COLUMNS.items():
        if kind == "time" and cells[name] is not None:
            cells[name] = _time(cells[name])
        elif isinstance(cells[name], str):
            cells[name] = cells[name].encode("utf-8", "backslashreplace").decode()
    return cells


def _time(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
