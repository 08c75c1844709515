"""`python -m benchmarks.load [--conversations N] [--rounds N] [--waves N] [--check] [--json]`"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2

from benchmarks.load import measure, play, processes
from mcpbridge import Bridge, tool

LAG_TARGET = 0.020  # seconds, p99
GROWTH_TARGET = 1.05  # memory after the last wave against after the second


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """All conversations once: seconds, lag in milliseconds (also of a process that idles beside it), memory
    in MiB, and what went wrong."""

    seconds: float
    lag_p50: float
    lag_p99: float
    lag_max: float
    idle_p99: float
    resident: float
    lost: int
    doubled: int
    unfinished: int


async def main(args: argparse.Namespace) -> list[Wave]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        script = directory / "script.yaml"
        script.write_text(play.script(args.rounds))
        async with processes.ledger() as ledger_url, processes.service(script) as service_url:
            config = write_configuration(directory, ledger_url, service_url)
            noted: Counter[str] = Counter()

            @tool
            async def note(key: str) -> str:
                """Note a key."""
                noted[key] += 1
                return f"noted {key}"

            async with Bridge.from_yaml(config, tools=[note]) as bridge:
                return [await wave(bridge, args, number, noted, ledger_url) for number in range(args.waves)]


async def wave(
    bridge: Bridge, args: argparse.Namespace, number: int, noted: Counter[str], ledger_url: str
) -> Wave:
    """Runs all conversations at once and counts every effect."""
    names = [f"c{number:02}{index:04}" for index in range(args.conversations)]
    began = time.perf_counter()
    async with processes.idle() as idle, measure.lag() as late:
        texts = await asyncio.gather(*(converse(bridge, name) for name in names))
    seconds = time.perf_counter() - began
    expected = {f"{name}-{round}" for name in names for round in range(1, args.rounds + 1)}
    async with httpx2.AsyncClient(trust_env=False) as client:
        booked: Counter[str] = Counter((await client.get(ledger_url.replace("/mcp", "/counts"))).json())
    finished = {f"all {args.rounds} rounds of {name}" for name in names}
    return Wave(
        seconds=seconds,
        lag_p50=measure.percentile(late, 0.50) * 1000,
        lag_p99=measure.percentile(late, 0.99) * 1000,
        lag_max=late[-1] * 1000,
        idle_p99=idle[0],
        resident=measure.resident_mib(),
        lost=sum(effects[key] == 0 for key in expected for effects in (noted, booked)),
        doubled=sum(effects[key] > 1 for key in expected for effects in (noted, booked)),
        unfinished=len(finished - set(texts)),
    )


async def converse(bridge: Bridge, name: str) -> str:
    return (await bridge.run(f"conversation {name}")).text


def write_configuration(directory: Path, ledger_url: str, service_url: str) -> Path:
    """Everything allowed by rule, each decision in a real log on disk."""
    (directory / "policy.yaml").write_text(
        "version: 1\ndefaults: {decision: deny}\n"
        "rules: [{id: all, effect: allow, tools: [ledger.book, local.note]}]\n"
    )
    config = directory / "mcpbridge.yaml"
    config.write_text(
        f"model: {{name: scripted, endpoint: local, url: '{service_url}'}}\n"
        f"servers: [{{label: ledger, url: '{ledger_url}'}}]\n"
        "policy: policy.yaml\naudit: {path: audit}\n"
    )
    return config


def report(waves: list[Wave], args: argparse.Namespace) -> str:
    """A table for people."""
    lines = [f"{args.conversations} conversations at once, {args.rounds} rounds each, through one Bridge"]
    lines.append(
        "wave   seconds   lag p50 ms   p99 ms   max ms   idle p99   memory MiB   lost   doubled   unfinished"
    )
    lines += [
        f"{number:4} {one.seconds:9.1f} {one.lag_p50:12.2f} {one.lag_p99:8.1f} {one.lag_max:8.0f}"
        f" {one.idle_p99:10.1f} {one.resident:12.1f} {one.lost:6} {one.doubled:9} {one.unfinished:12}"
        for number, one in enumerate(waves, 1)
    ]
    return "\n".join(lines)


def missed(waves: list[Wave]) -> list[str]:
    """The targets that were missed, in words."""
    found: list[str] = []
    if any(one.lost or one.doubled or one.unfinished for one in waves):
        found.append("calls were lost or doubled, or conversations did not finish")
    worst = sorted(one.lag_p99 for one in waves)[len(waves) // 2]
    if worst > LAG_TARGET * 1000:
        found.append(
            f"event-loop lag p99 {worst:.1f} ms (median of the waves), target {LAG_TARGET * 1000:.0f} ms"
        )
    if len(waves) > 2 and waves[-1].resident > waves[1].resident * GROWTH_TARGET:
        found.append(f"memory grew from {waves[1].resident:.1f} to {waves[-1].resident:.1f} MiB after wave 2")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--waves", type=int, default=4)
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    found = asyncio.run(main(given))
    print(json.dumps([asdict(one) for one in found]) if given.json else report(found, given))
    for sentence in missed(found):
        print(f"MISSED: {sentence}", file=sys.stderr)
    sys.exit(1 if given.check and missed(found) else 0)
