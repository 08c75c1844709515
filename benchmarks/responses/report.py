"""The figures, as rows to print, to write as JSON and to check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.responses.cases import BYTES, LEAST, OURS, Case
from benchmarks.responses.durable import Durable
from benchmarks.responses.measure import Samples, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison. Milliseconds; `met` is None where there is no target."""

    name: str
    what: str
    against: str
    ours_ms: float
    theirs_ms: float
    ratio: float
    target: float | None = None
    unit: str = "CPU"

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.ratio <= self.target


def rows_of(case: Case, samples: Samples) -> list[Row]:
    """One row for each thing that ours is compared with; the target belongs to the first."""
    others = [name for name in case.variants if name != OURS]
    return [
        Row(
            name=case.name,
            what=case.title,
            against=other,
            ours_ms=median(samples[OURS]) * 1e3,
            theirs_ms=median(samples[other]) * 1e3,
            ratio=ratio(samples[OURS], samples[other]),
            target=case.target if other == others[0] else None,
        )
        for other in others
    ]


def growth_rows(case: Case, samples: Samples) -> list[Row]:
    """Turn 500 minus turn 5, for ours and both ways of sending bytes."""
    found = {who: _difference(samples, who) for who in (OURS, BYTES, LEAST)}
    return [
        Row(
            name=case.name,
            what=case.title,
            against=other,
            ours_ms=found[OURS] * 1e3,
            theirs_ms=found[other] * 1e3,
            ratio=found[OURS] / found[other],
            target=case.target if other == BYTES else None,
        )
        for other in (BYTES, LEAST)
    ]


def _difference(samples: Samples, who: str) -> float:
    return median(samples[f"{who} 500"]) - median(samples[f"{who} 5"])


def import_rows(seconds: dict[str, float]) -> list[Row]:
    """`import mcpbridge` has a target; what a program pays that uses Bridge is told beside it."""
    targets = {"mcpbridge": 0.2, "Bridge": None}
    return [
        Row(
            name=f"import_{name.lower()}",
            what=f"from mcpbridge import {name}" if target is None else f"import {name}",
            against="import openai",
            ours_ms=seconds[name] * 1e3,
            theirs_ms=seconds["openai"] * 1e3,
            ratio=seconds[name] / seconds["openai"],
            target=target,
        )
        for name, target in targets.items()
    ]


def durable_row(durable: Durable) -> Row:
    return Row(
        name="durable_audit",
        what=f"durable audit, one approval ({durable.records} records)",
        against="in memory",
        ours_ms=durable.on_disk * 1e3,
        theirs_ms=durable.in_memory * 1e3,
        ratio=durable.on_disk / durable.in_memory,
        unit="wall",
    )


def table(rows: Sequence[Row]) -> str:
    """Plain text, one line per row."""
    head = ("case", "against", "ms", "mcpbridge", "other", "ratio", "target", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(_aligned(line, widths)).rstrip() for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    target = "" if row.target is None else f"<= {row.target:.2f}"
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    figures = f"{row.ours_ms:.3f}", f"{row.theirs_ms:.3f}", f"{row.ratio:.3f}"
    return (row.what, row.against, row.unit, *figures, target, verdict)


def _aligned(cells: Iterable[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if 3 <= place <= 5 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
