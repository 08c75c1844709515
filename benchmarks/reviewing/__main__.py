"""`python -m benchmarks.reviewing`: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.reviewing.long_log import write_long_log
from benchmarks.reviewing.measure import Measured, measured

_TARGET: Final = 1.0
"""Seconds for each of the two commands from a report to the evidence of one decision (AUDIT)."""


def main() -> int:
    """Measure; exit 1 with --check where the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reviewing", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="default: 1,000,000")
    parser.add_argument("--log", type=Path, help="keep the log there, and take it where it is")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    with _log(args.log, args.records) as log:
        found = list(_all(str(log)))
        for one in found:
            print(json.dumps({**asdict(one), "text": None}) if args.json else _line(one))
        size = sum(path.stat().st_size for path in log.glob("audit*.jsonl"))
        index = (log / "index" / "audit.sqlite").stat().st_size
        print(f"log {size / 1e6:,.0f} MB, index {index / 1e6:,.0f} MB", file=sys.stderr)
    indexed = [one for one in found if one.command.startswith("show ") and "--no-index" not in one.command]
    slow = [one for one in indexed if one.seconds > _TARGET]
    return 1 if args.check and slow else 0


@contextmanager
def _log(place: Path | None, records: int) -> Generator[Path]:
    if place is not None:
        if not place.exists():
            write_long_log(place, records)
        yield place
        return
    with tempfile.TemporaryDirectory() as folder:
        write_long_log(Path(folder), records)
        yield Path(folder)


def _all(log: str) -> Iterator[Measured]:
    yield measured(["index", log, "--rebuild"])
    yield measured(["index", log])
    denied = measured(["show", log, "--rule", "mail-stays-in-the-house", "--limit", "20", "--json"])
    yield denied
    one = json.loads(denied.text.splitlines()[0])
    yield measured(["show", one["request_id"], log])
    yield measured(["show", str(one["seq"]), log])
    yield measured(["show", log, "--text", f'"{one["arguments"]["title"]}"'])
    yield measured(["explain", str(one["seq"]), log])
    yield measured(["tail", log])
    yield measured(["show", log, "--denied", "--approver", "ada", "--no-index"])
    yield measured(["show", "--no-index", str(one["seq"]), log])
    yield measured(["reconcile", log])
    yield measured(["verify", log])


def _line(one: Measured) -> str:
    used = f"{one.seconds:8.2f} s {one.cpu:8.2f} s CPU {one.megabytes:6.0f} MB"
    return f"{used}  {one.lines:>7} lines  {one.command}"


if __name__ == "__main__":
    sys.exit(main())
