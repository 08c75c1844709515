"""`python -m benchmarks.responses [--json] [--check] [--quick] [--only CASE …] [--audit-directory DIR]`"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.responses import cases, imports, report
from benchmarks.responses.durable import durable_audit
from benchmarks.responses.measure import alternate

CASES = ("growth", "text_turn", "one_approval", "five_functions", "fifty_turns", "durable_audit", "imports")
"""`growth` comes first: it depends on the allocator, and so on what ran before."""


def main() -> int:
    args = _arguments()
    rows = asyncio.run(_rows(args))
    loaded = imports.loaded_by_help() if "imports" in args.only else frozenset[str]()
    help_met = not loaded & imports.FORBIDDEN
    print(_as_json(rows, loaded) if args.json else report.table(rows))
    if "imports" in args.only and not args.json:
        print(f"\nmcpbridge --help loads neither openai nor mcp: {'met' if help_met else 'MISSED'}")
    missed = not help_met or any(row.met is False for row in rows)
    return 1 if args.check and missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.responses", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--quick", action="store_true", help="a third of the samples")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--audit-directory", type=Path, help="where the durable log is measured")
    return parser.parse_args()


async def _rows(args: argparse.Namespace) -> list[report.Row]:
    share = 3 if args.quick else 1
    rows: list[report.Row] = []
    for name in (name for name in CASES if name in args.only):
        print(f"{name} …", file=sys.stderr)
        if name == "durable_audit":
            rows.append(report.durable_row(await durable_audit(args.audit_directory, samples=60 // share)))
        elif name == "imports":
            rows += report.import_rows(imports.import_seconds(samples=15 // share))
        else:
            rows += await _case_rows(name, share)
    return rows


async def _case_rows(name: str, share: int) -> list[report.Row]:
    made: Any = getattr(cases, name)()
    case: cases.Case = await made if asyncio.iscoroutine(made) else made
    found = await alternate(case.variants, samples=max(case.samples // share, 3), repeat=case.repeat)
    return report.growth_rows(case, found) if name == "growth" else report.rows_of(case, found)


def _as_json(rows: list[report.Row], loaded: frozenset[str]) -> str:
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "openai": version("openai"),
        "rows": [asdict(row) | {"met": row.met} for row in rows],
        "loaded_by_help": sorted(loaded),
    }
    return json.dumps(about, indent=2)


if __name__ == "__main__":
    sys.exit(main())
