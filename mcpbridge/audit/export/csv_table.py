"""CSV for spreadsheets (RFC 4180), in which no cell is a formula.

A spreadsheet runs what begins with =, +, - or @, and a model or a server may have chosen it. Such texts get
an apostrophe in front, which spreadsheets take as "this is text"; control and bidi characters are written
out.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

from mcpbridge.audit.export.columns import COLUMNS, cells_of
from mcpbridge.core.question import visible

_FORMULA: Final = "=+-@\t\r\n＝＋－＠|%"  # noqa: RUF001  # full-width forms are formulas too
"""First characters that some spreadsheet takes as the beginning of a formula, or of a command (DDE)."""


def write_csv(records: Iterable[dict[str, Any]], file: BinaryIO) -> int:
    """A header and one line a record, UTF-8 with a byte order mark: without it Excel guesses wrongly."""
    file.write(codecs.BOM_UTF8)
    writer = csv.writer(_Encoded(file), quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007
        writer.writerow(_cells(record))
    return count


def _cells(record: dict[str, Any]) -> Iterator[str]:
    for value in cells_of(record).values():
        if value is None:
            yield ""
        elif isinstance(value, bool):
            yield "true" if value else "false"
        elif isinstance(value, int | float):
            yield str(value)
        else:
            yield harmless(value if isinstance(value, str) else " ".join(value))


def harmless(text: str) -> str:
    """The text as a cell that is text in every spreadsheet."""
    cell = text if text.isascii() and text.isprintable() else visible(text, newlines=False)
    return f"'{cell}" if text.lstrip(" \u00a0")[:1] in _FORMULA and text.strip() else cell


class _Encoded:
    """What `csv` writes to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8", "backslashreplace"))
