"""One answer of the endpoint, whatever it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from mcpbridge.core.raw import mapping
from mcpbridge.doctor.reading import item, objects, path_of, text, word

_MOST: Final = 10**12
"""No answer has more tokens."""
_KINDS: Final = 12
"""Items named in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back from one request. Texts are masked. What reads a field raises Malformed."""

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
        return objects(self.body.get("output"), "output")

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The output items of one type."""
        return [item(each, kind) for each in self.items if each.get("type") == kind]

    def has(self, kind: str) -> bool:
        """Whether there is an item of this type, of whatever shape: evidence needs no good form."""
        return kind in self._kinds()

    @property
    def path(self) -> str:
        """Where it can be got and deleted, if it was stored."""
        return path_of(self.body)

    @property
    def listed(self) -> list[str]:
        """The names of the tools in its mcp_list_tools."""
        lists = [objects(each.get("tools"), "tools of mcp_list_tools") for each in self.of("mcp_list_tools")]
        return [text(tool.get("name"), "name of a tool") for tools in lists for tool in tools]

    @property
    def refuses(self) -> bool:
        """Whether a message is a refusal."""
        return any(part.get("type") == "refusal" for part in self._parts())

    @property
    def said(self) -> str:
        """The text of its messages."""
        parts = [(part.get("text"), part.get("refusal")) for part in self._parts()]
        return "\n".join(text(said, "text") or text(refused, "refusal") for said, refused in parts)

    @property
    def tokens(self) -> tuple[int, int]:
        """Input and output tokens, as it says."""
        usage = mapping(self.body.get("usage"))
        return _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))

    @property
    def shown(self) -> str:
        """In a few words, for a line; never raises."""
        if self.problem:
            return self.problem
        named = [word(kind) for kind in self._kinds()]
        kinds = ", ".join(named[:_KINDS]) + (" …" if len(named) > _KINDS else "") or "nothing"
        status = self.body.get("status")
        return kinds if status == "completed" else f"{word(status)}: {kinds}"

    def _kinds(self) -> list[object]:
        output: object = self.body.get("output")
        listed = cast("list[object]", output) if isinstance(output, list) else []
        return [mapping(each).get("type") for each in listed]

    def _parts(self) -> list[dict[str, Any]]:
        return [part for each in self.of("message") for part in objects(each.get("content"), "content")]


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST else 0
