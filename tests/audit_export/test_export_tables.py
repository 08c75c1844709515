"""CSV and Parquet."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.audit.export import write_csv, write_parquet
from mcpbridge.audit.export.columns import COLUMNS, cells_of
from mcpbridge.audit.export.csv_table import harmless
from tests.audit_export.made import exported, of, strange

pq: Any = import_module("pyarrow.parquet")  # it has no types


def table(records: Any) -> list[dict[str, str]]:
    text = exported(write_csv, records).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline="")))


def test_a_csv_has_a_line_for_each_record_and_loses_nothing(tmp_path: Path) -> None:
    records = of(tmp_path)

    found = table(records)

    assert [row["type"] for row in found] == [record["type"] for record in records]
    assert [int(row["seq"]) for row in found] == list(range(1, len(records) + 1))
    denied = next(row for row in found if row["outcome"] == "policy_deny")
    assert (denied["rule_ids"], denied["reason"], denied["phase"]) == ("no-mail", "not for agents", "pre")
    assert json.loads(denied["arguments"]) == {"title": "x"}
    tripwire = next(row for row in found if row["type"] == "tripwire")
    assert json.loads(tripwire["other"]) == {"reported_calls": [{"id": "x"}]}


@pytest.mark.promise("export-csv")
@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\uff1d1+1",
        "|calc",
        "%0A=1",
        "=",
        "\x00=1",
    ],
)
def test_no_cell_is_a_formula(text: str) -> None:
    (row,) = table([{"seq": 1, "reason": text, "tool": text, "rule_ids": [text], "type": text}])

    for name in ("reason", "tool", "rule_ids", "type"):
        cell = row[name]
        assert cell.startswith("'") or cell.startswith("\\u0000")
        assert cell.isprintable()


@pytest.mark.promise("export-csv")
@settings(deadline=None)
@given(st.text())
def test_no_text_whatever_becomes_a_formula(text: str) -> None:
    cell = harmless(text)

    assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "|", "%") or not cell.strip()
    assert cell.isprintable()


@settings(deadline=None)
@given(strange)
def test_a_strange_record_fits_into_the_columns_and_the_rest_is_kept(record: dict[str, Any]) -> None:
    cells = cells_of(record)

    assert list(cells) == list(COLUMNS)
    rest = json.loads(cells["other"] or "{}")
    for name, value in record.items():
        kept = cells.get(name) if name != "other" else None
        assert kept == value or name in rest or (kept is not None and json.loads(kept) == value)
    assert table([record])


@pytest.mark.promise("export-parquet")
def test_parquet_has_typed_columns(tmp_path: Path) -> None:
    records = of(tmp_path)

    found = pq.read_table(BytesIO(exported(write_parquet, records)))

    assert found.num_rows == len(records)
    types = {field.name: str(field.type) for field in found.schema}
    assert (types["seq"], types["ts"], types["rule_ids"]) == (
        "int64", "timestamp[us, tz=UTC]", "list<element: string>",
    )  # fmt: skip
    rows = found.to_pylist()
    assert [row["type"] for row in rows] == [record["type"] for record in records]
    asked = next(row for row in rows if row["asked_at"] is not None)
    assert asked["asked_at"] == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert (asked["decided_at"] - asked["asked_at"]).total_seconds() == 9
    assert json.loads(asked["arguments"])["deep"] == [{"a": [1, 2.5, None, True]}]
    assert next(row["latency_ms"] for row in rows if row["latency_ms"]) == 12.345


@settings(deadline=None)
@given(st.lists(strange, max_size=3))
def test_parquet_takes_strange_records(records: list[dict[str, Any]]) -> None:
    assert pq.read_table(BytesIO(exported(write_parquet, records))).num_rows == len(records)


@pytest.mark.promise("export-streams")
def test_parquet_is_written_in_row_groups() -> None:
    records = ({"seq": number, "reason": "x" * 4_000} for number in range(9_000))

    file = pq.ParquetFile(BytesIO(exported(write_parquet, records)))

    assert file.metadata.num_row_groups > 1
    assert file.metadata.num_rows == 9_000


def test_without_pyarrow_the_extra_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from mcpbridge.audit.export import write_parquet\n"
        "from mcpbridge.errors import UsageError\n"
        "try: write_parquet([], None)\n"
        "except UsageError as error: print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "pip install 'mcpbridge[parquet]'" in done.stdout
