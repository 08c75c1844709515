"""Saved conversations: exact, versioned JSON. Nothing in it is a secret or a live object.

Version 1 is the oldest readable version; its grants cover nothing any more. Sealing (a MAC under the
bridge's key) is the caller's: see adapters/sealing.py; unsealed text is never trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, cast

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.approval import Vote
from mcpbridge.core.conversation import Bridged, Conversation, Grant, Pending, Usage
from mcpbridge.core.decisions import Decided, Decisions
from mcpbridge.core.entries import Entry, encode
from mcpbridge.core.items import ApprovalRequest, FunctionCall, Item
from mcpbridge.errors import StateRefused

VERSION: Final = 4
_OLDER: Final[Mapping[int, dict[str, Any]]] = {
    1: {"asked_at": {}, "votes": {}, "bridged": {}, "doubtful": []},
    2: {"bridged": {}, "doubtful": []},
    3: {"doubtful": []},
}
"""Older readable formats, with what they lack."""


def dumps(conversation: Conversation) -> str:
    """The conversation as JSON text; `loads(dumps(c))` equals `c`, but for `restored`."""
    return json.dumps(
        {
            "mcpbridge_conversation": VERSION,
            "id": conversation.id,
            "principal": conversation.principal,
            "mcp_results": conversation.mcp_results,
            "entries": [_entry(entry) for entry in conversation.entries],
            "user_texts": conversation.user_texts,
            "pending": [_pending(call) for call in conversation.pending],
            "begun": conversation.begun,
            "approved": {key: _pending(call) for key, call in conversation.approved.items()},
            "ids": sorted(conversation.ids),
            "identities": conversation.identities,
            "tools": conversation.tools,
            "bridged": {name: _bridged(tool) for name, tool in conversation.bridged.items()},
            "decisions": [_plain(decision) for decision in conversation.decisions],
            "asked": conversation.asked,
            "asked_at": conversation.asked_at,
            "votes": {key: [_plain(vote) for vote in votes] for key, votes in conversation.votes.items()},
            "grants": [_plain(grant) for grant in conversation.grants],
            "owed": conversation.owed,
            "repeats": conversation.repeats,
            "doubtful": sorted(conversation.doubtful),
            "usage": _plain(conversation.usage),
            "turn": conversation.turn,
            "rounds": conversation.rounds,
            "output": conversation.output,
            "response_id": conversation.response_id,
        },
        separators=(",", ":"),
        default=dict,
    )


def loads(text: str) -> Conversation:
    """The conversation in `text`. Raises StateRefused with what is wrong."""
    try:
        data = json.loads(text)
        version = data["mcpbridge_conversation"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StateRefused("this is not a saved mcpbridge conversation") from error
    if type(version) is not int or version not in (*_OLDER, VERSION):
        raise StateRefused(
            f"the conversation was saved in format {version!r}; this version reads the formats "
            f"{min(_OLDER)} to {VERSION}"
        )
    try:
        return _conversation(data if version == VERSION else _OLDER[version] | data)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StateRefused(f"the saved conversation is damaged: {type(error).__name__} at {error}") from error


def _conversation(data: Any) -> Conversation:
    return Conversation(
        id=data["id"],
        principal=data["principal"],
        mcp_results=data["mcp_results"],
        entries=tuple(_load_entry(entry) for entry in data["entries"]),
        user_texts=tuple(data["user_texts"]),
        pending=tuple(_load_pending(call) for call in data["pending"]),
        begun=tuple(data["begun"]),
        approved={key: _load_approval(call) for key, call in data["approved"].items()},
        ids=frozenset(data["ids"]),
        identities=data["identities"],
        tools=data["tools"],
        bridged={name: _load_bridged(tool) for name, tool in data["bridged"].items()},
        decisions=Decisions(
            replace(Decided(**entry), rules=tuple(entry["rules"])) for entry in data["decisions"]
        ),
        asked=data["asked"],
        asked_at=data["asked_at"],
        votes={key: tuple(Vote(**vote) for vote in votes) for key, votes in data["votes"].items()},
        grants=tuple(
            replace(
                Grant(**entry),
                arguments=tuple(entry.get("arguments", ())),
                needs=tuple(entry.get("needs", ())),
            )
            for entry in data["grants"]
        ),
        owed=tuple(data["owed"]),
        repeats=data["repeats"],
        doubtful=frozenset(data["doubtful"]),
        usage=Usage(**data["usage"]),
        turn=data["turn"],
        rounds=data["rounds"],
        output=tuple(data["output"]),
        response_id=data["response_id"],
        restored=True,
    )


def as_live(conversation: Conversation) -> Conversation:
    """The same conversation without the mark that it came from saved text (for comparing)."""
    return replace(conversation, restored=False)


def _plain(value: Any) -> dict[str, Any]:
    return {part.name: getattr(value, part.name) for part in fields(value)}


def _bridged(tool: Bridged) -> dict[str, Any]:
    return {**_plain(tool), "definition": _plain(tool.definition)}


def _load_bridged(data: Mapping[str, Any]) -> Bridged:
    return Bridged(
        server_label=data["server_label"],
        definition=ToolDefinition(**data["definition"]),
        late=data["late"],
    )


def _pending(call: Pending) -> dict[str, Any]:
    kind = "mcp_approval_request" if isinstance(call, ApprovalRequest) else "function_call"
    return {"type": kind, **_plain(call)}


def _load_pending(data: Mapping[str, Any]) -> Pending:
    if data["type"] == "mcp_approval_request":
        return _load_approval(data)
    return FunctionCall(id=data["id"], name=data["name"], arguments=data["arguments"])


def _load_approval(data: Mapping[str, Any]) -> ApprovalRequest:
    return ApprovalRequest(
        id=data["id"], server_label=data["server_label"], name=data["name"], arguments=data["arguments"]
    )


def _entry(entry: Entry) -> dict[str, Any]:
    """`sent` is kept as text where it differs from the item, so that the very same bytes go out again."""
    as_it_is = entry.sent == (encode(entry.item),)
    return {
        "item": entry.item,
        "sent": None if as_it_is else [chunk.decode() for chunk in entry.sent],
        "origin": entry.origin,
        "response_id": entry.response_id,
    }


def _load_entry(data: Mapping[str, Any]) -> Entry:
    item, sent = cast("Item", data["item"]), data["sent"]
    return Entry(
        item=item,
        sent=(encode(item),) if sent is None else tuple(chunk.encode() for chunk in sent),
        origin=data["origin"],
        response_id=data["response_id"],
    )
