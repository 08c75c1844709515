"""`python -m benchmarks.bridged [--check] [--quick] [--json] [--only TRANSPORT …] [--audit-directory DIR]`"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from mcp import Client

from benchmarks.bridged import sides
from benchmarks.bridged.measure import alternate
from benchmarks.bridged.report import Row, row, table
from mcpbridge import AuditLog, Gate, MemoryAudit
from mcpbridge.core.secret import Mask
from mcpbridge.ports import AuditSink

TARGET = 1.15
"""Of `Client.call_tool`, with policy, pins and the audit in memory."""
AT_ONCE = 64
NAMES: dict[str, sides.Transport] = {"process": "in process", "stdio": "stdio", "http": "streamable HTTP"}
ERAS: tuple[sides.Era, ...] = ("auto", "legacy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    blocks: int
    calls: int
    """Of one caller in a block: about what one turn of a conversation has."""
    together: int
    """The same where AT_ONCE callers share the block."""


FULL, QUICK = Size(blocks=15, calls=30, together=8), Size(blocks=3, calls=10, together=2)


def main() -> int:
    args = _arguments()
    rows = asyncio.run(_rows(args))
    print(_as_json(rows) if args.json else table(rows))
    return 1 if args.check and any(one.met is False for one in rows) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bridged", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--quick", action="store_true", help="few calls, to see that it runs")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), metavar="TRANSPORT")
    parser.add_argument("--audit-directory", type=Path, help="where the durable log is measured")
    return parser.parse_args()


async def _rows(args: argparse.Namespace) -> list[Row]:
    size = QUICK if args.quick else FULL
    rows: list[Row] = []
    async with sides.http_server() as url:
        chosen: list[sides.Transport] = [NAMES[name] for name in args.only]
        for transport in chosen:
            for era in ERAS:
                print(f"{transport}, {era} …", file=sys.stderr)
                address = url if transport == "streamable HTTP" else ""
                place = sides.Place(transport=transport, era=era, url=address)
                rows += await _of(place, size)
        if "stdio" in args.only:
            rows += await _durable(size, args.audit_directory)
    return rows


async def _of(place: sides.Place, size: Size) -> list[Row]:
    """One transport: ours against the SDK's client, and what a turn pays once."""
    async with _open(place, MemoryAudit()) as (client, gate, spoken):
        raw, ours = partial(_made, sides.raw_call(client)), partial(sides.conversation, gate)
        target = None if place.transport == "in process" else TARGET
        rows: list[Row] = []
        for at_once, calls in ((1, size.calls), (AT_ONCE, size.together)):
            pairs = await alternate(ours, raw, blocks=size.blocks, calls=calls, at_once=at_once)
            rows.append(
                row(
                    pairs,
                    what=place.transport,
                    era=spoken,
                    at_once=at_once,
                    against="call_tool",
                    target=target,
                )
            )
        if place.transport != "in process":
            first = partial(sides.first_call, gate)
            pairs = await alternate(first, ours, blocks=size.blocks, calls=size.calls // 3, at_once=1)
            about = {"what": "first call of a turn", "against": f"a later one, {place.transport}"}
            rows.append(row(pairs, era=spoken, at_once=1, target=None, **about))
        return rows


async def _durable(size: Size, directory: Path | None) -> list[Row]:
    """The log on disk against the one in memory, same server, wall time."""
    place = sides.Place(transport="stdio", era="auto")
    memory = MemoryAudit()
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        async with (
            AuditLog.open(Path(folder) / "audit", mask=Mask()) as log,
            _open(place, log) as (_, disk, spoken),
            _open(place, memory) as (_, ram, _),
        ):
            records = await _records(ram, memory)
            rows: list[Row] = []
            for at_once, calls in ((1, size.calls), (AT_ONCE, size.together)):
                pairs = await alternate(
                    partial(sides.conversation, disk),
                    partial(sides.conversation, ram),
                    blocks=size.blocks,
                    calls=calls,
                    at_once=at_once,
                )
                what = f"durable audit, {records} records a call"
                rows.append(
                    row(
                        pairs,
                        what=what,
                        era=spoken,
                        at_once=at_once,
                        against="in memory, stdio",
                        target=None,
                    )
                )
            return rows


async def _records(gate: Gate, audit: MemoryAudit) -> int:
    call = await sides.conversation(gate)
    before = len(audit.lines)
    await call()
    return len(audit.lines) - before


@asynccontextmanager
async def _open(place: sides.Place, audit: AuditSink) -> AsyncGenerator[tuple[Client, Gate, str], None]:
    """Both sides, each with a connection of its own, and the protocol that they speak."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            sides.raw_client(place) as client,
            sides.gate(place, Path(folder), client, audit) as gate,
        ):
            yield client, gate, client.protocol_version


async def _made(call: sides.Call) -> sides.Call:
    return call


def _as_json(rows: list[Row]) -> str:
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "mcp": version("mcp"),
        "rows": [asdict(one) | {"met": one.met} for one in rows],
    }
    return json.dumps(about, indent=2)


if __name__ == "__main__":
    sys.exit(main())
