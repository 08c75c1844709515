"""A server's tools, listed in a conversation: on record, and an event for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.conversation import Conversation
from mcpbridge.engine.events import ToolsListed
from mcpbridge.engine.journal import Journal
from mcpbridge.ports import Record


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
