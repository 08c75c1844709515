"""The log's records for other tools. One record at a time: memory does not grow with the log.

Values that the log hides or seals stay as they are; nothing here has a key. An export proves nothing: what
proves something is the log, and `seq` and `prev` say where in it a record stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Final

from mcpbridge.audit.export.csv_table import write_csv
from mcpbridge.audit.export.ocsf import write_ocsf
from mcpbridge.audit.export.otlp import write_otlp
from mcpbridge.audit.export.parquet import write_parquet

Records = Iterable[dict[str, Any]]

WRITERS: Final[dict[str, Callable[[Records, BinaryIO], int]]] = {
    "ocsf": write_ocsf,
    "otel": write_otlp,
    "csv": write_csv,
    "parquet": write_parquet,
}
"""Format → what writes it; returns how many records it wrote."""
FILE_NAMES: Final = {
    "ocsf": "audit.ocsf.jsonl",
    "otel": "audit.otlp.jsonl",
    "csv": "audit.csv",
    "parquet": "audit.parquet",
}
"""What a file is called where only a folder was named."""

__all__ = ["FILE_NAMES", "WRITERS", "write_csv", "write_ocsf", "write_otlp", "write_parquet"]
