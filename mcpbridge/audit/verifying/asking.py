"""Asking a witness now. It shows what no file beside the log can: that nothing was cut off since."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from mcpbridge.audit.anchors.anchor import AnchorFailed, Point
from mcpbridge.audit.anchors.witness import Behind, Inconsistent, WitnessAnchor
from mcpbridge.audit.chain import FlawKind
from mcpbridge.audit.verifying.result import Testimony


class Asked(NamedTuple):
    """The answer."""

    testimony: Testimony
    kind: FlawKind | None = None
    """What it shows to be wrong with the log."""
    seen: int = 0
    """Lines that it has signed, where those are more than the log's last checkpoint covers."""


def ask(witness: WitnessAnchor, directory: Path, note: str) -> Asked:
    """Show the log's last checkpoint to the witness; it checks it against all that it signed before."""
    try:
        point = Point.of(directory, note)
        _, at = witness.ask(point, old=point.checkpoint.size)
    except Behind as error:
        return Asked(_nothing(witness, str(error)), FlawKind.CUT_OFF, error.size)
    except Inconsistent as error:
        return Asked(_nothing(witness, str(error)), FlawKind.ANCHOR_DIFFERS)
    except (AnchorFailed, OSError, ValueError) as error:
        return Asked(_nothing(witness, f"it could not be asked: {error}"))
    when = f"asked at {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S UTC}"
    said = Testimony(name=witness.name, lines=point.checkpoint.size, outside=True, complete=True, detail=when)
    return Asked(said)


def _nothing(witness: WitnessAnchor, detail: str) -> Testimony:
    return Testimony(name=witness.name, lines=0, outside=True, complete=False, detail=detail)
