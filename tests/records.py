"""Every line that a real run writes fits the published schema: those of these tests are checked too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from mcpbridge.audit.schema import record_schema


@cache
def _validator() -> Any:
    return jsonschema_rs.Draft7Validator(record_schema(), validate_formats=True)


def problems(record: dict[str, Any]) -> list[str]:
    """What the schema has against a record; an unknown field is a problem."""
    return [
        f"{record.get('type')}: {'/'.join(map(str, error.instance_path))}: {str(error.message)[:300]}"
        for error in _validator().iter_errors(record)
    ]


def fit(records: Iterable[dict[str, Any]]) -> None:
    """Raises AssertionError for records that do not fit."""
    found = [problem for record in records for problem in problems(record)]
    assert not found, "\n".join(found)


def logs_fit(folder: Path) -> None:
    """The same for every whole line of every log below a folder."""
    for path in sorted(folder.rglob("audit*.jsonl")):
        lines = path.read_bytes().split(b"\n")[:-1]
        fit(json.loads(line) for line in lines)
