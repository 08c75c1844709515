"""Whether anybody listens, and what spans and metrics of a bridge are made with."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import mcpbridge
from mcpbridge.adapters.telemetry.about import About
from mcpbridge.adapters.telemetry.endings import Endings
from mcpbridge.adapters.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from mcpbridge.adapters.telemetry.trace import Trace

NAME: Final = "mcpbridge"
"""Of what makes these spans and metrics."""
_API: Final = ("opentelemetry.trace", "opentelemetry.metrics")
"""Providers of the API itself do nothing: they stand for "no SDK"."""
_PATIENCE: Final = 1.0
"""Seconds that closing a bridge waits for an exporter that blocks."""


class Telemetry:
    """One for each bridge. Where nobody listens a turn costs it a look into a dict."""

    def __init__(self, about: About) -> None:
        self.about = about
        self.endings = Endings()
        self._metrics: tuple[Any, Metrics] | None = None

    def trace(self, conversation_id: str, *, whole_turn: bool) -> Trace | None:
        """What follows one turn, or (not `whole_turn`) one `settle` of a Gate; None where nobody listens."""
        with suppress(Exception):  # boundary: providers are foreign code
            if _somebody_listens():
                from mcpbridge.adapters.telemetry.trace import Trace

                return Trace(self, conversation_id=conversation_id, whole_turn=whole_turn)
        return None

    def metrics(self) -> Metrics:
        """The instruments, made once for each provider."""
        from opentelemetry import metrics

        provider = metrics.get_meter_provider()
        if self._metrics is None or self._metrics[0] is not provider:
            meter = metrics.get_meter(NAME, version())
            self._metrics = provider, Metrics(meter, self.about)
        return self._metrics[1]

    @property
    def busy(self) -> bool:
        """Whether spans may still wait for their end."""
        return self.endings.started

    def close(self) -> None:
        """Let the last spans be ended; an exporter that blocks is not waited for."""
        self.endings.close(_PATIENCE)


@cache
def version() -> str:
    """Looked up once: it is in the metadata of the installed package."""
    return str(mcpbridge.__version__)


def _somebody_listens() -> bool:
    """An SDK is there, or a trace that somebody else began and whose id belongs into the log. Whoever did
    either has imported OpenTelemetry, so that nobody else has to."""
    if not any(name in sys.modules for name in _API):
        return False
    from opentelemetry import metrics, trace

    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if not type(provider).__module__.startswith(_API):
            return True
    return trace.get_current_span().get_span_context().is_valid
