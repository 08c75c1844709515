"""`python -m benchmarks.audit [--records N] [--cache DIR] [--only PEER …] [--quick] [--check] [--json]`"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.audit import long, raw, together
from benchmarks.audit.job import Spell, appended
from benchmarks.audit.peers import PEERS, SYNCS, per_second

# AUDIT, targets.
RAW_RATIO: Final = 0.5
CPU_US: Final = 10.0
SHARED_RATIO: Final = 0.8
LAG_MS: Final = 10.0
VERIFIED: Final = 200_000
VERIFY_MIB: Final = 64.0
OPEN_MS: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report; `met` is None where there is no target."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


def appends(folder: Path, *, quick: bool) -> Iterator[Row]:
    """Durable appends beside the C program, which takes turns with them."""
    program = raw.compiled(folder)
    if program is None:
        print("there is no C compiler (cc), so nothing is compared with C", file=sys.stderr)
    for writers, rounds in ((1, 400), (16, 200), (256, 40)):
        ours: list[Spell] = []
        ratios: list[float] = []
        for number in range(2 if quick else 7):
            spell = asyncio.run(appended(folder / f"{writers}-{number}", writers, rounds))
            ours.append(spell)
            if program:
                best = raw.seconds(program, folder / "raw.bin", size=spell.size // rounds, rounds=rounds)
                ratios.append(best / spell.seconds)
        speed = median(spell.records / spell.seconds for spell in ours)
        yield Row(what=f"durable appends/s, {writers} waiting writers", value=f"{speed:,.0f}")
        if ratios:
            ratio = median(ratios)
            yield Row(
                what=f"… against C, {writers} waiting writers",
                value=f"{ratio:.2f}",
                target=f"≥ {RAW_RATIO:g}",
                met=ratio >= RAW_RATIO,
            )
    cpu = median(spell.cpu / spell.records for spell in ours) * 1e6
    yield Row(
        what="CPU per record, 256 writers, µs", value=f"{cpu:.1f}", target=f"≤ {CPU_US:g}", met=cpu <= CPU_US
    )


def lag(folder: Path, *, quick: bool) -> Row:
    found = [
        asyncio.run(appended(folder / f"lag-{number}", 16, 200, watched=True)).lag_p99
        for number in range(2 if quick else 5)
    ]
    worst = median(found)
    return Row(
        what="event-loop lag p99, 16 durable writers, ms",
        value=f"{worst:.1f}",
        target=f"≤ {LAG_MS:g}",
        met=worst <= LAG_MS,
    )


def processes(folder: Path, *, quick: bool) -> Row:
    """Four processes in one log beside four with a log each; they take turns."""
    ratios: list[float] = []
    speeds: list[float] = []
    for number in range(1 if quick else 5):
        one = together.per_second(folder / f"p{number}", 4, 64, 40, shared=True)
        own = together.per_second(folder / f"p{number}", 4, 64, 40, shared=False)
        speeds.append(one)
        ratios.append(one / own)
    ratio = median(ratios)
    return Row(
        what=f"4 processes of 64 writers in one log ({median(speeds):,.0f}/s) against separate logs",
        value=f"{ratio:.2f}",
        target=f"≥ {SHARED_RATIO:g}",
        met=ratio >= SHARED_RATIO,
    )


def long_log(folder: Path, records: int, *, quick: bool) -> Iterator[Row]:
    path = folder / "long"
    print(f"writing a log of {records:,} records", file=sys.stderr)
    long.make(path, records)
    size = sum(part.stat().st_size for part in path.glob("*.jsonl"))
    found = [long.verified(path) for _ in range(1 if quick else 3)]
    if any(one["flaws"] for one in found):
        raise SystemExit("the log that was made does not verify, so nothing is told")
    speed, memory = median(one["records"] / one["seconds"] for one in found), max(one["mib"] for one in found)
    yield Row(
        what=f"verify {records:,} records ({size / 1e9:.2f} GB), records/s",
        value=f"{speed:,.0f}",
        target=f"≥ {VERIFIED:,}",
        met=speed >= VERIFIED,
    )
    yield Row(
        what="… peak memory of its processes together, MiB",
        value=f"{memory:.0f}",
        target=f"≤ {VERIFY_MIB:g}",
        met=memory <= VERIFY_MIB,
    )
    opened: list[float] = []
    for _ in range(2 if quick else 5):
        long.crash(path)
        opened.append(long.opened_ms(path))
    yield Row(
        what=f"open after a crash, {records:,} records, ms",
        value=f"{median(opened):.0f}",
        target=f"≤ {OPEN_MS:g}",
        met=median(opened) <= OPEN_MS,
    )


def others(folder: Path, names: list[str], cache: Path, *, quick: bool) -> Iterator[Row]:
    """One writer, the same fields; each process alone."""
    records = 200 if quick else 1_000
    found: dict[str, list[float]] = {}
    for number in range(1 if quick else 3):
        spell = asyncio.run(appended(folder / f"ours-{number}", 1, records))
        found.setdefault("mcpbridge, synced", []).append(spell.records / spell.seconds)
        for name in names:
            place = folder / f"{name}-{number}"
            place.mkdir()
            title, speed = per_second(name, cache, place, records)
            synced = "synced" if name in SYNCS else "not synced"
            found.setdefault(f"{title}, {synced}", []).append(speed)
    for title, speeds in found.items():
        yield Row(what=f"{records:,} records, one writer: {title}, records/s", value=f"{median(speeds):,.0f}")


def rows(args: argparse.Namespace, folder: Path) -> Iterator[Row]:
    quick = args.quick
    yield from appends(folder, quick=quick)
    yield lag(folder, quick=quick)
    yield processes(folder, quick=quick)
    if not args.no_peers:
        yield from others(folder, args.only or list(PEERS), args.cache, quick=quick)
    yield from long_log(folder, args.records or (50_000 if quick else 1_000_000), quick=quick)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    cache = Path.home() / ".cache" / "mcpbridge" / "benchmarks" / "audit"
    parser.add_argument("--cache", type=Path, default=cache, help=f"environments of the others ({cache})")
    parser.add_argument("--only", choices=list(PEERS), nargs="+", help="compare with these only")
    parser.add_argument("--no-peers", action="store_true", help="compare with none of them")
    parser.add_argument("--records", type=int, help="length of the long log (1,000,000)")
    parser.add_argument("--folder", type=Path, help="where the logs are written: the disk that is measured")
    parser.add_argument("--quick", action="store_true", help="few and short runs, a log of 50,000 records")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a target is missed")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        found = list(rows(args, Path(folder)))
    if args.json:
        print(json.dumps([asdict(row) for row in found]))
    else:
        print("| what | value | target | |\n|---|---|---|---|")
        for row in found:
            met = "" if row.met is None else "met" if row.met else "MISSED"
            print(f"| {row.what} | {row.value} | {row.target} | {met} |")
    return int(args.check and any(row.met is False for row in found))


if __name__ == "__main__":
    raise SystemExit(main())
