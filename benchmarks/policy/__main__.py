"""`python -m benchmarks.policy [--cache DIR] [--only PEER …] [--quick] [--check] [--json]`"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.policy import task
from benchmarks.policy.peers import PEERS, Worker, environment, version
from mcpbridge.policy import load_policy
from mcpbridge.policy.lint import lint

TIMES_FASTER: Final = 20.0
LOAD_MS: Final = 100.0
IMPORT_RATIO: Final = 1.5
_TIMED: Final = "import time; t = time.process_time(); import {name}; print(time.process_time() - t)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report; `met` is None where there is no target."""

    what: str
    value: str
    target: str
    met: bool | None


def speeds(peers: list[str], cache: Path, *, batches: int, seconds: float) -> dict[str, float]:
    """Decisions per second of CPU, medians; the workers take turns, one at a time."""
    given = task.as_json()
    workers = {"mcpbridge": Worker(sys.executable, "ours.py", given, ours=True)}
    for name in peers:
        python = environment(PEERS[name], cache)
        workers[f"{name} {version(PEERS[name], python)}"] = Worker(python, PEERS[name].worker, given)
    try:
        wrong = [name for name, worker in workers.items() if not worker.right]
        if wrong:
            raise SystemExit(f"{', '.join(wrong)}: did not decide as the rules say, so nothing is compared")
        found: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(batches):
            for name, worker in workers.items():
                found[name].append(worker.per_second(seconds))
        return {name: median(values) for name, values in found.items()}
    finally:
        for worker in workers.values():
            worker.end()


def load_ms(samples: int) -> float:
    """Reading a file of 100 rules with its examples, and linting it."""
    text, found = task.policy_text(examples=True), list[float]()
    for _ in range(samples + 1):
        began = time.process_time()
        lint(load_policy(text, file="policy.yaml"))
        found.append((time.process_time() - began) * 1000)
    return median(found[1:])


def import_ms(samples: int) -> dict[str, float]:
    """CPU of importing each, in a fresh interpreter; they take turns, and one untimed round comes first."""
    found: dict[str, list[float]] = {"mcpbridge.policy": [], "pydantic": []}
    for number in range(samples + 1):
        for name, values in found.items():
            command = [sys.executable, "-c", _TIMED.format(name=name)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            if number:
                values.append(float(done.stdout) * 1000)
    return {name: median(values) for name, values in found.items()}


def rows(args: argparse.Namespace) -> list[Row]:
    few = args.quick
    found = speeds(args.only or list(PEERS), args.cache, batches=3 if few else 9, seconds=0.2 if few else 0.5)
    ours = found.pop("mcpbridge")
    fastest = max(found.values())
    made = [Row(what="mcpbridge, decisions/s", value=f"{ours:,.0f}", target="", met=None)]
    made += [
        Row(what=f"{name}, decisions/s", value=f"{speed:,.0f} (1/{ours / speed:.0f})", target="", met=None)
        for name, speed in found.items()
    ]
    load, imports = load_ms(3 if few else 9), import_ms(3 if few else 9)
    ratio = imports["mcpbridge.policy"] / imports["pydantic"]
    return [
        *made,
        Row(
            what="times as fast as the fastest of them",
            value=f"{ours / fastest:.1f}",
            target=f"≥ {TIMES_FASTER:g}",
            met=ours / fastest >= TIMES_FASTER,
        ),
        Row(
            what="load and lint 100 rules with examples, ms",
            value=f"{load:.0f}",
            target=f"≤ {LOAD_MS:g}",
            met=load <= LOAD_MS,
        ),
        Row(
            what=f"import mcpbridge.policy ({imports['mcpbridge.policy']:.0f} ms) / pydantic",
            value=f"{ratio:.2f}",
            target=f"≤ {IMPORT_RATIO:g}",
            met=ratio <= IMPORT_RATIO,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy", description=__doc__)
    cache = Path.home() / ".cache" / "mcpbridge" / "benchmarks" / "policy"
    parser.add_argument("--cache", type=Path, default=cache, help=f"environments of the others ({cache})")
    parser.add_argument("--only", choices=list(PEERS), nargs="+", help="compare with these only")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter batches")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a target is missed")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = rows(args)
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
