"""Standard error, where a service manager or container runtime collects it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from mcpbridge.audit.anchors.anchor import Point, anchor_line


@dataclass(frozen=True, slots=True, kw_only=True)
class StderrAnchor:
    """One line for each checkpoint."""

    every: float = 0.0

    @property
    def name(self) -> str:
        return "standard error"

    def publish(self, point: Point, /) -> None:
        sys.stderr.write(f"mcpbridge-audit: {anchor_line(point)}\n")
        sys.stderr.flush()
