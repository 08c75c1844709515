"""All tools of a server, page by page, as far as they can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from mcp_types import Tool

from mcpbridge.adapters.masking import MAX_DEPTH, too_deep
from mcpbridge.adapters.mcp_servers.settings import Bounds
from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.question import visible
from mcpbridge.errors import ServerUnavailable

_LONGEST: Final = 256
"""Characters of a tool's name; the specification says 128 at most (2025-11-25, server/tools)."""


class Page(Protocol):
    @property
    def next_cursor(self) -> str | None: ...


_P = TypeVar("_P", bound=Page)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """`refused` says for each name that cannot be used why. Nothing in it moves a cursor."""

    tools: tuple[ToolDefinition, ...]
    refused: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    """See `ports.Listing`, as the next one."""
    offered: tuple[str, ...] = ()


async def all_pages(
    fetch: Callable[[str | None], Awaitable[_P]], *, label: str, pages: int, what: str = "tools"
) -> list[_P]:
    """Follow the cursors. Raises ServerUnavailable where they lead in a circle, or on and on."""
    found: list[_P] = []
    seen: set[str] = set()
    cursor: str | None = None
    while len(found) < pages:
        found.append(await fetch(cursor))
        cursor = found[-1].next_cursor
        if not cursor:  # an empty one is what some servers end with
            return found
        if cursor in seen:
            raise ServerUnavailable(f"{label}: its list of {what} leads back to a page it has given before")
        seen.add(cursor)
    raise ServerUnavailable(f"{label}: its list of {what} has more than {pages} pages; none is used")


def usable(tools: Iterable[Tool], *, label: str, identity: str, bounds: Bounds) -> Listed:
    """The definitions. A name that stands twice names nothing: neither is used. Raises ServerUnavailable."""
    listed = list(tools)
    if len(listed) > bounds.tools:
        raise ServerUnavailable(
            f"{label}: it lists {len(listed):,} tools, more than {bounds.tools:,}; none is used",
            server_label=label,
        )
    count = Counter(tool.name for tool in listed)
    good: list[ToolDefinition] = []
    refused: dict[str, str] = {}
    for tool in listed:
        problem = _problem(tool) or ("the server lists it twice" if count[tool.name] > 1 else "")
        if problem:
            refused[visible(tool.name[:_LONGEST], newlines=False)] = problem
        else:
            good.append(definition(tool, identity))
    return Listed(tools=tuple(good), refused=refused)


def _problem(tool: Tool) -> str:
    if not tool.name:
        return "its name is empty"
    if len(tool.name) > _LONGEST:
        return f"its name has more than {_LONGEST} characters"
    if visible(tool.name, newlines=False) != tool.name:
        return "its name holds characters that cannot be seen"
    if too_deep(tool.input_schema) or too_deep(tool.output_schema):
        return f"its schema is nested deeper than {MAX_DEPTH} levels"
    return ""


def definition(tool: Tool, identity: str) -> ToolDefinition:
    """What decisions and pins are bound to: schemas as they came, also keywords unknown to the SDK."""
    return ToolDefinition(
        name=tool.name,
        description=tool.description or "",
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=_annotations(tool),
        server_identity=identity,
    )


def _annotations(tool: Tool) -> dict[str, Any]:
    if tool.annotations is None:
        return {}
    return tool.annotations.model_dump(by_alias=True, mode="json", exclude_unset=True)
