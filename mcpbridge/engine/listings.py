"""A server's tools, listed in a conversation: on record, and an event for the reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.conversation import Conversation
from mcpbridge.engine.events import Event, Notice, ToolsListed
from mcpbridge.engine.journal import Journal
from mcpbridge.ports import Record

_NAMED: Final = 5
"""Tools in one notice."""


async def record_listing(
    before: Conversation,
    after: Conversation,
    label: str,
    definitions: Iterable[ToolDefinition],
    journal: Journal,
    *,
    identity: str,
    error: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> ToolsListed:
    """Write what a server listed, whoever asked it; `changed` names what differs from its last listing."""
    old, new = before.tools.get(label), after.tools.get(label, {})
    changed = tuple(name for name in sorted({*old, *new}) if old.get(name) != new.get(name)) if old else ()
    listed = tuple(definitions)
    await journal.sink.append(
        Record(
            type="tools_changed" if changed else "tools_listed",
            fields={
                "run_id": journal.run_id,
                "conversation_id": after.id,
                "response_id": after.response_id,
                "server_label": label,
                "server_identity": identity,
                "tools": new,
                "changed": changed,
                "error": error,
                **(facts or {}),
            },
            blobs=tuple(definition.canonical() for definition in listed),
        )
    )
    names = tuple(definition.name for definition in listed)
    return ToolsListed(server_label=label, tools=names, changed=changed, error=error)


def unlisted(
    label: str, allowed: Collection[str] | None, listed: Collection[str], before: Collection[str] | None
) -> list[Event]:
    """Names in `allowed_tools` that the server does not have: often misspelt. They are told at its first
    listing in a conversation (`before` is None), and when a tool that it had is gone."""
    missing = sorted(name for name in allowed or () if name not in listed)
    new = [name for name in missing if before is None or name in before]
    if not new:
        return []
    names = ", ".join(new[:_NAMED]) + (f" and {len(new) - _NAMED} more" if len(new) > _NAMED else "")
    stand = "which stands" if len(new) == 1 else "which stand"
    message = f"{label} does not list {names}, {stand} in its allowed_tools"
    return [Notice(type="tool_not_listed", message=message, fields={"server_label": label, "tools": new})]
