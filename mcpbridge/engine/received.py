"""What a response tells the audit and the reader, once it has been taken over or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared
from mcpbridge.core.items import HostedCall, HostedToolCall, ToolListing, decode
from mcpbridge.core.raw import mapping
from mcpbridge.engine.events import CallFinished, Event, Notice
from mcpbridge.engine.journal import Journal, hosted_evidence
from mcpbridge.engine.listings import record_listing, unlisted
from mcpbridge.errors import McpbridgeError, ModelError, OutcomeUnknown, ProtocolViolation


async def record(
    before: Conversation, after: Conversation, declared: Declared, journal: Journal
) -> list[Event]:
    """Tool listings and built-in tools: each on record, each an event. Outcomes are owed and paid."""
    events: list[Event] = []
    for item in after.output:
        if item.get("type") in ("message", "reasoning", "function_call"):
            continue
        match decode(item):
            case HostedCall() as call:
                events.append(_finished(call))
            case ToolListing() as listing:
                events.append(await _listing(before, after, listing, declared, journal))
                events += _unlisted(before, listing, declared)
            case HostedToolCall() as call:
                await journal.note("ungated", after, item_id=call.id, kind=call.kind, evidence="observed")
                events.append(
                    Notice(type="ungated", message=f"the provider ran {call.kind}, which never asks")
                )
            case _:
                pass
    return events


def owing(after: Conversation, journal: Journal) -> Conversation:
    """The conversation with the outcomes of its hosted calls to be recorded."""
    return after.owing(*(journal.hosted_outcome(after, call) for call in after.hosted_calls()))


def _finished(call: HostedCall) -> Event:
    return CallFinished(
        request_id=call.approval_request_id or call.id,
        server_label=call.server_label,
        tool=call.name,
        status="completed" if call.error is None else "failed",
        evidence=hosted_evidence(call),
        output=call.output or call.error or "",
    )


async def _listing(
    before: Conversation, after: Conversation, listing: ToolListing, declared: Declared, journal: Journal
) -> Event:
    identity = declared.servers[listing.server_label].identity
    return await record_listing(
        before,
        after,
        listing.server_label,
        [replace(tool, server_identity=identity) for tool in listing.tools],
        journal,
        identity=identity,
        error=listing.error,
    )


def _unlisted(before: Conversation, listing: ToolListing, declared: Declared) -> list[Event]:
    """Tools that are loaded on demand come piece by piece, so none of them is missing."""
    label = listing.server_label
    server = declared.servers[label]
    if listing.error is not None or server.deferred:
        return []
    return unlisted(
        label, server.allowed_tools, {tool.name for tool in listing.tools}, before.tools.get(label)
    )


async def surface(
    body: Mapping[str, Any], after: Conversation, declared: Declared, journal: Journal
) -> list[Event]:
    """What the service did to our input, and servers it silently ignored (WIRE §4.6, §7)."""
    events: list[Event] = []
    changes = body.get("input_transformations")
    if isinstance(changes, list) and changes:
        await journal.note("input_transformed", after, transformations=changes)
        events.append(
            Notice(
                type="input_transformed",
                message="the service changed our input",
                fields={"input_transformations": changes},
            )
        )
    if after.rounds == 1 and after.turn == 1:
        silent = [
            label
            for label, server in declared.servers.items()
            if label not in after.identities and not server.deferred
        ]
        for label in silent:
            await journal.note("server_silent", after, server_label=label)
            events.append(
                Notice(
                    type="server_silent",
                    message=f"the endpoint never listed the tools of {label!r}: it may ignore hosted MCP",
                    fields={"server_label": label},
                )
            )
    return events


async def unreported(
    after: Conversation, live: tuple[str, ...], journal: Journal
) -> tuple[Conversation, list[Event]]:
    """Approvals that were under way and that the provider's answer does not account for. Sent again they
    could execute again, so they are withdrawn, and the model is told that nobody knows."""
    events: list[Event] = []
    for request_id in live:
        request = after.approved.get(request_id)
        if request is None:
            continue
        why = "approved, and the provider answered without reporting the call"
        await journal.unknown(after, (request_id,), why)
        after = after.withdraw(request_id, "This was approved, but no result was reported: it may have run.")
        message = f"{request.server_label}.{request.name}: {why}; it is not sent again"
        events.append(Notice(type="unreported", message=message, fields={"request_id": request_id}))
    return after, events


async def tripwire(
    before: Conversation, body: Mapping[str, Any], error: ProtocolViolation, journal: Journal
) -> None:
    """A refused response may report calls that have run: they are on record, as the provider's words."""
    output = body.get("output")
    reported = [mapping(item) for item in cast("list[object]", output)] if isinstance(output, list) else []
    await journal.note(
        "tripwire",
        before,
        error=type(error).__name__,
        reason=str(error),
        item_id=error.item_id,
        server_label=error.server_label,
        reported_calls=[
            {key: item.get(key) for key in ("id", "server_label", "name", "approval_request_id")}
            for item in reported
            if item.get("type") == "mcp_call"
        ],
        evidence="reported_by_provider",
    )


def lost(live: tuple[str, ...], why: str = "the response never came") -> McpbridgeError:
    """What is raised where no answer came: with approvals under way nobody knows what has run."""
    error = OutcomeUnknown(f"{why}; what was approved may have run") if live else ModelError(why)
    if isinstance(error, OutcomeUnknown):
        error.request_ids = live
    return error
