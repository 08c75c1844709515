"""Which hosted calls a conversation has taken over: each was asked for, approved, and ran as it was shown."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from mcpbridge.core.conversation import Conversation


def check_accepted(conversation: Conversation, *, unasked: Collection[str] = ()) -> None:
    """Judged by the wire items alone. `unasked` are servers that were opted out of asking."""
    requests: dict[str, dict[str, Any]] = {}
    granted: set[str] = set()
    for item in (dict(entry.item) for entry in conversation.entries):
        kind = item.get("type")
        if kind == "mcp_approval_request":
            requests[item["id"]] = item
        elif kind == "mcp_approval_response" and item["approve"] is True:
            granted.add(item["approval_request_id"])
        elif kind == "mcp_call" and item["server_label"] not in unasked:
            name = item["approval_request_id"]
            assert name in granted, f"{item['id']} ran under {name}, which was not approved, or used before"
            granted.remove(name)
            assert _shown(requests[name]) == _shown(item), f"{item['id']} is not what {name} asked for"


def _shown(item: dict[str, Any]) -> tuple[object, object, object]:
    arguments = item["arguments"]
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return item["server_label"], item["name"], json.loads(text)
