"""Anchors: places outside the log that its checkpoints are taken to, so that a cut or rewritten log shows.

A writer makes `Anchoring(outside(anchors, directory), directory, tell=…)`, calls `offer(note)` with each
checkpoint that is durable, and `close(seconds)` after the last one. Which anchors there are is declared by
whoever opens the log: `FileAnchor`, `SyslogAnchor`, `StderrAnchor`, `WitnessAnchor`, `TimestampAnchor`.
"""

from mcpbridge.audit.anchors.anchor import Anchor, AnchorFailed, Point
from mcpbridge.audit.anchors.anchoring import Anchoring, outside
from mcpbridge.audit.anchors.file import FileAnchor
from mcpbridge.audit.anchors.place import ELSEWHERE, in_log, resolved
from mcpbridge.audit.anchors.stderr import StderrAnchor
from mcpbridge.audit.anchors.syslog import SyslogAnchor
from mcpbridge.audit.anchors.timestamp import TimestampAnchor
from mcpbridge.audit.anchors.witness import WitnessAnchor

__all__ = [
    "ELSEWHERE",
    "Anchor",
    "AnchorFailed",
    "Anchoring",
    "FileAnchor",
    "Point",
    "StderrAnchor",
    "SyslogAnchor",
    "TimestampAnchor",
    "WitnessAnchor",
    "in_log",
    "outside",
    "resolved",
]
