"""One answer of the endpoint, whatever it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from mcpbridge.core.raw import mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back from one request. Texts are masked."""

    status: int = 0
    """HTTP status; 0 where no answer came."""
    body: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    problem: str = ""
    """One sentence where it is not what was asked for; empty for a response object."""
    code: str = ""
    param: str = ""
    retry_after: float | None = None
    echoes: bool = False
    """A token of the throw-away server stands in it."""
    events: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The output."""
        output: object = self.body.get("output")
        listed = cast("list[object]", output) if isinstance(output, list) else []
        return [dict(mapping(item)) for item in listed if mapping(item)]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The output items of one type."""
        return [item for item in self.items if item.get("type") == kind]

    @property
    def refuses(self) -> bool:
        """Whether a message is a refusal."""
        parts = [part for item in self.of("message") for part in _parts(item.get("content"))]
        return any(part.get("type") == "refusal" for part in parts)

    @property
    def said(self) -> str:
        """The text of its messages."""
        parts = [part for item in self.of("message") for part in _parts(item.get("content"))]
        return "\n".join(str(part.get("text") or part.get("refusal") or "") for part in parts)

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output tokens, as it says."""
        usage = mapping(self.body.get("usage"))
        return _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))

    @property
    def shown(self) -> str:
        """In a few words, for a line."""
        if self.problem:
            return self.problem
        kinds = ", ".join(str(item.get("type")) for item in self.items) or "nothing"
        return kinds if self.body.get("status") == "completed" else f"{self.body.get('status')}: {kinds}"


def _parts(content: object) -> list[Mapping[str, Any]]:
    listed = cast("list[object]", content) if isinstance(content, list) else []
    return [mapping(part) for part in listed]


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
