"""The figures, as rows to print, to write as JSON and to check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.bridged.measure import Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison. Milliseconds for one call; `met` is None where there is no target."""

    what: str
    era: str
    at_once: int
    against: str
    ours_ms: float
    theirs_ms: float
    ratio: float
    cpu_ratio: float
    target: float | None = None

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.ratio <= self.target


def row(pairs: Pairs, *, what: str, era: str, at_once: int, against: str, target: float | None) -> Row:
    """The row for what was measured."""
    return Row(
        what=what,
        era=era,
        at_once=at_once,
        against=against,
        ours_ms=median(block.wall for block in pairs.ours) * 1e3,
        theirs_ms=median(block.wall for block in pairs.raw) * 1e3,
        ratio=pairs.ratio,
        cpu_ratio=pairs.cpu_ratio,
        target=target,
    )


def table(rows: Sequence[Row]) -> str:
    """Plain text, one line per row."""
    head = ("what", "protocol", "at once", "against", "ms", "other ms", "ratio", "of CPU", "target", "")
    lines = [head, *(_cells(one) for one in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(one: Row) -> tuple[str, ...]:
    target = "" if one.target is None else f"<= {one.target:.2f}"
    verdict = {None: "", True: "met", False: "MISSED"}[one.met]
    figures = f"{one.ours_ms:.3f}", f"{one.theirs_ms:.3f}", f"{one.ratio:.2f}", f"{one.cpu_ratio:.2f}"
    return (one.what, one.era, str(one.at_once), one.against, *figures, target, verdict)
