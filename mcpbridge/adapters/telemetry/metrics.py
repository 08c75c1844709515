"""What is counted and measured. Names of tools are attributes only where somebody has defined the tool: a
model could make up any number of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcpbridge.adapters.telemetry.about import LABEL, OUTCOME, TOKEN_TYPE, TOOL, About, Attributes

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = (
    1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
)  # fmt: skip
"""Buckets that the GenAI conventions advise."""
_WAITS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
_MADE_UP: Final = frozenset({"unknown_tool", "malformed"})
_OTHER: Final = "_OTHER"


class Metrics:
    """The instruments of one meter."""

    def __init__(self, meter: Meter, about: About) -> None:
        self._about = about
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._decisions = meter.create_counter(
            "mcpbridge.decisions", unit="{decision}", description="Last words on calls, by outcome."
        )
        self._denials = meter.create_counter(
            "mcpbridge.denials", unit="{decision}", description="Decisions that kept a call from running."
        )
        self._unknown = meter.create_counter(
            "mcpbridge.unknown_outcomes",
            unit="{call}",
            description="Calls of which nobody knows what became.",
        )
        self._waits = meter.create_histogram(
            "mcpbridge.approval.duration",
            unit="s",
            description="How long a person took to answer.",
            explicit_bucket_boundaries_advisory=_WAITS,
        )
        self._unrecorded = meter.create_counter(
            "mcpbridge.audit.failures",
            unit="{record}",
            description="Records that did not become durable: nothing took effect.",
        )

    def operation(self, name: str, seconds: float, more: Attributes) -> None:
        self._duration.record(seconds, {**self._about.attributes(name), **more})

    def tokens(self, incoming: int, outgoing: int) -> None:
        for kind, count in (("input", incoming), ("output", outgoing)):
            self._tokens.record(count, {**self._about.attributes("chat"), TOKEN_TYPE: kind})

    def decided(self, fields: dict[str, Any], *, allowed: bool) -> None:
        outcome = str(fields.get("outcome", ""))
        tool = _OTHER if outcome in _MADE_UP else str(fields.get("tool", ""))
        about = {OUTCOME: outcome, LABEL: str(fields.get("server_label", "")), TOOL: tool}
        self._decisions.add(1, about)
        if not allowed:
            self._denials.add(1, about)

    def answered(self, seconds: float, more: Attributes) -> None:
        self._waits.record(seconds, more)

    def unknown(self) -> None:
        self._unknown.add(1)

    def unrecorded(self, error: str) -> None:
        self._unrecorded.add(1, {"error.type": error})
