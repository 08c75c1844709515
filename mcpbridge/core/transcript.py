"""The moves of a conversation that need rules: taking over a response, and rewriting for replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from mcpbridge.core import tripwires
from mcpbridge.core.copies import replaced
from mcpbridge.core.declared import Declared
from mcpbridge.core.entries import Entries, Entry, function_pair, input_entry, output_entry
from mcpbridge.core.items import (
    ApprovalRequest,
    Decoded,
    FunctionCall,
    HostedCall,
    Item,
    ToolListing,
    decode,
)
from mcpbridge.core.raw import mapping
from mcpbridge.errors import MalformedItem, ReplayInvariant, UsageError

if TYPE_CHECKING:
    from mcpbridge.core.conversation import ApprovalAnswer, Conversation, Usage


def receive(conversation: Conversation, response: Mapping[str, Any], declared: Declared) -> Conversation:
    """See Conversation.receive."""
    if conversation.pending:
        raise ReplayInvariant("a response came while requests of the one before it are unanswered")
    tripwires.completed(response)
    items = _output(response)
    decoded = [decode(item) for item in items]
    ids = tripwires.fresh_ids(conversation.ids, items)
    if conversation.mcp_results == "function_pair":
        ids = tripwires.fresh_pairs(ids, [call for call in decoded if isinstance(call, HostedCall)])
    used = tripwires.hosted(conversation, decoded, declared)
    response_id = _response_id(response)
    entries, new = Entries.of(conversation.entries), list[Entry]()
    for item, meaning in zip(items, decoded, strict=True):
        entry = output_entry(item, origin=declared.origin, response_id=response_id)
        if isinstance(meaning, HostedCall) and conversation.mcp_results == "function_pair":
            entry = replace(entry, sent=function_pair(meaning))
            entries, new = _without_approval_pair(entries.plus(*new), meaning.approval_request_id), []
        new.append(entry)
    return replaced(
        conversation,
        entries=entries.plus(*new),
        pending=tuple(call for call in decoded if isinstance(call, ApprovalRequest | FunctionCall)),
        begun=(),
        approved={key: value for key, value in conversation.approved.items() if key not in used},
        ids=ids,
        identities=_identities(conversation, decoded, declared),
        tools=_tools(conversation, decoded, declared),
        usage=_add_usage(conversation.usage, response.get("usage")),
        rounds=conversation.rounds + 1,
        output=tuple(items),
        response_id=response_id,
    )


def _output(response: Mapping[str, Any]) -> list[Item]:
    output = response.get("output")
    if not isinstance(output, list):
        raise MalformedItem("the response has no output list")
    return cast("list[Item]", output)


def _response_id(response: Mapping[str, Any]) -> str:
    value = response.get("id")
    return value if isinstance(value, str) else ""


def _without_approval_pair(entries: Entries, request_id: str | None) -> Entries:
    """Once a call travels as a function pair, its approval must not: alone it would be live again."""
    if request_id is None:
        return entries
    silenced = [
        replace(entry, sent=())
        if entry.item.get("approval_request_id" if _is_response(entry) else "id") == request_id
        and entry.item.get("type") in ("mcp_approval_request", "mcp_approval_response")
        else entry
        for entry in entries
    ]
    return Entries(_without_orphaned_reasoning(silenced))


def _is_response(entry: Entry) -> bool:
    return entry.item.get("type") == "mcp_approval_response"


def _without_orphaned_reasoning(entries: list[Entry]) -> list[Entry]:
    """Reasoning whose follower is no longer sent goes too (WIRE §4.2): trim whole groups only.

    A reasoning item at the very end of what is sent keeps its follower: it is about to be appended.
    """
    kept = list(entries)
    follower_seen = True
    for index in range(len(kept) - 1, -1, -1):
        entry = kept[index]
        if not entry.sent:
            continue
        kind = entry.item.get("type")
        if kind == "reasoning" and not follower_seen:
            kept[index] = replace(entry, sent=())
        elif kind != "reasoning":
            follower_seen = kind not in _ANSWERS and entry.item.get("role", "assistant") == "assistant"
    return kept


_ANSWERS: Final = frozenset({"function_call_output", "mcp_approval_response"})
"""What we write cannot follow reasoning; whatever the model sent, known to us or not, can."""


def _identities(
    conversation: Conversation, decoded: Sequence[Decoded], declared: Declared
) -> Mapping[str, str]:
    labels = {
        item.server_label for item in decoded if isinstance(item, ApprovalRequest | HostedCall | ToolListing)
    }
    new = {label: declared.servers[label].identity for label in labels}
    return {**conversation.identities, **new} if new else conversation.identities


def _tools(
    conversation: Conversation, decoded: Sequence[Decoded], declared: Declared
) -> Mapping[str, Mapping[str, str]]:
    listings = [item for item in decoded if isinstance(item, ToolListing) and item.error is None]
    if not listings:
        return conversation.tools
    tools = dict(conversation.tools)
    for listing in listings:
        label = listing.server_label
        # Tools that are loaded on demand come piece by piece: what an earlier piece showed is still there.
        before: Mapping[str, str] = tools.get(label, {}) if declared.servers[label].deferred else {}
        tools[label] = {**before, **hashes(listing, declared)}
    return tools


def hashes(listing: ToolListing, declared: Declared) -> dict[str, str]:
    """Tool name → definition hash, bound to the server's identity."""
    identity = declared.servers[listing.server_label].identity
    return {tool.name: replace(tool, server_identity=identity).hash() for tool in listing.tools}


def _add_usage(usage: Usage, raw: object) -> Usage:
    body = mapping(raw)
    if not body:
        return usage
    return replace(
        usage,
        input_tokens=usage.input_tokens + _count(body, "input_tokens"),
        output_tokens=usage.output_tokens + _count(body, "output_tokens"),
        total_tokens=usage.total_tokens + _count(body, "total_tokens"),
        cached_tokens=usage.cached_tokens + _count(body, "input_tokens_details", "cached_tokens"),
        reasoning_tokens=usage.reasoning_tokens + _count(body, "output_tokens_details", "reasoning_tokens"),
    )


_MOST_TOKENS: Final = 2**53
"""More is no count; Python would not even write very long integers."""


def _count(body: Any, *path: str) -> int:
    for key in path:
        body = mapping(body).get(key)
    return min(max(body, 0), _MOST_TOKENS) if type(body) is int else 0


def approval_response(answer: ApprovalAnswer) -> dict[str, Any]:
    """The wire item. `approve` is `is True` or it is false."""
    item: dict[str, Any] = {
        "type": "mcp_approval_response",
        "approval_request_id": answer.request_id,
        "approve": answer.approve is True,
    }
    if answer.reason:
        item["reason"] = answer.reason
    return item


def withdraw_approval(conversation: Conversation, request_id: str, reason: str) -> Conversation:
    """See Conversation.give_up_unknown."""
    denial = input_entry(
        {
            "type": "mcp_approval_response",
            "approval_request_id": request_id,
            "approve": False,
            "reason": reason,
        }
    )
    return replace(
        conversation,
        entries=tuple(
            denial if _is_response(entry) and entry.item.get("approval_request_id") == request_id else entry
            for entry in conversation.entries
        ),
        approved={key: value for key, value in conversation.approved.items() if key != request_id},
        begun=tuple(name for name in conversation.begun if name != request_id),
    )


def drop_reasoning(conversation: Conversation, *, keep_origin: str | None) -> tuple[Conversation, int]:
    """Silence reasoning entries made elsewhere (or all of them)."""
    if Entries.of(conversation.entries).origins <= {keep_origin}:
        return conversation, 0
    stale = [
        index
        for index, entry in enumerate(conversation.entries)
        if entry.origin and entry.sent and entry.origin != keep_origin
    ]
    entries = list(conversation.entries)
    for index in stale:
        entries[index] = replace(entries[index], sent=())
    return replace(conversation, entries=tuple(entries)), len(stale)


def before_input(entries: Entries) -> Entries:
    """Reasoning that nothing followed is not sent once the user speaks, or we answer: it would have no
    follower (WIRE §4.2)."""
    last = next((index for index in range(len(entries) - 1, -1, -1) if entries[index].sent), None)
    if last is None or entries[last].item.get("type") != "reasoning":
        return entries
    silenced = [*entries]
    silenced[last] = replace(silenced[last], sent=())
    return before_input(Entries(silenced))


def texts(content: str | Sequence[Item]) -> tuple[str, ...]:
    """The words in a user message."""
    if isinstance(content, str):
        return (content,)
    if not content:
        raise UsageError("a message needs text or at least one content part")
    words = [part.get("text") for part in content if part.get("type") == "input_text"]
    if not all(isinstance(text, str) for text in words):
        raise UsageError("an input_text part needs its `text`")
    return tuple(cast("list[str]", words))


def final_text(output: Sequence[Item]) -> str:
    """Text of the answer: messages that are not commentary, refusals included."""
    parts = [
        str(part.get("text") or part.get("refusal") or "")
        for item in output
        if item.get("type") == "message" and item.get("phase") != "commentary"
        for part in item["content"]
    ]
    return "".join(parts)


def hosted_calls(output: Sequence[Item]) -> tuple[HostedCall, ...]:
    """The decoded `mcp_call` items among `output`."""
    return tuple(
        call
        for call in (decode(item) for item in output if item.get("type") == "mcp_call")
        if isinstance(call, HostedCall)
    )
