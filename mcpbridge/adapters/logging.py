"""Diagnostics through structlog: console or JSON on standard error, secrets masked. Never the audit."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol, TextIO

from mcpbridge.core.question import visible
from mcpbridge.core.secret import Mask

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Diagnostics(Protocol):
    """What the bridge says about its own work."""

    def info(self, event: str, **fields: Any) -> Any: ...

    def warning(self, event: str, **fields: Any) -> Any: ...


def make_logger(
    mask: Mask, *, format: str = "console", level: str = "warning", stream: TextIO | None = None
) -> Diagnostics:
    """A logger of its own: the caller's structlog configuration is neither used nor changed."""
    import structlog

    out = stream if stream is not None else sys.stderr

    def masked(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: _shown(value, mask) for key, value in event.items()}

    renderer: Any = structlog.processors.JSONRenderer()
    if format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty())
    logger: Diagnostics = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            masked,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
    )
    return logger


def _shown(value: Any, mask: Mask) -> Any:
    if not isinstance(value, str | int | float | Mapping | list | tuple | None):
        value = str(value)  # an error, say: the renderer would write its text
    value = mask.value(value)
    return visible(value, newlines=False) if isinstance(value, str) else value
