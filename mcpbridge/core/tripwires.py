"""What stops a run: the response is refused whole (WIRE §2, §9). Never laxer than the official runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from mcpbridge.core.declared import Declared, HostedServer
from mcpbridge.core.entries import pair_id
from mcpbridge.core.items import (
    ApprovalRequest,
    Decoded,
    HostedCall,
    HostedToolCall,
    Item,
    ToolListing,
)
from mcpbridge.core.raw import mapping
from mcpbridge.errors import (
    DuplicateItem,
    MalformedItem,
    ResponseNotCompleted,
    UnapprovedCall,
    UndeclaredServer,
)

if TYPE_CHECKING:
    from mcpbridge.core.conversation import Conversation


def completed(response: Mapping[str, Any]) -> None:
    """No tool runs from a response that is not completed."""
    status = response.get("status")
    if status == "completed":
        return
    if not isinstance(status, str):
        raise MalformedItem("the response has no status")
    body = mapping(response.get("error")) or mapping(response.get("incomplete_details"))
    code = body.get("code") or body.get("reason")
    raise ResponseNotCompleted(
        status,
        code=code if isinstance(code, str) else None,
        detail=str(body.get("message") or code or "no reason given"),
    )


def fresh_ids(known: frozenset[str], items: Sequence[Item]) -> frozenset[str]:
    """Item ids are unique over the whole input, and so are the call ids of calls."""
    fresh: set[str] = set()
    for item in items:
        names = {item.get("id")}
        if item.get("type") == "function_call":
            names.add(item.get("call_id"))
        for name in names - {None}:
            if name in known or name in fresh:
                raise DuplicateItem(f"the id {name} was used before", item_id=str(name))
        fresh.update(cast("set[str]", names - {None}))
    return known | fresh


def fresh_pairs(known: frozenset[str], calls: Sequence[HostedCall]) -> frozenset[str]:
    """A hosted call that is replayed as a function call takes a call id that nothing else has: the model
    would be shown one call's result as another's."""
    for call in calls:
        name = pair_id(call)
        if name in known:
            raise DuplicateItem(
                f"{call.id} would be replayed under the call id {name}, which was used before",
                item_id=call.id,
            )
        known |= {name}
    return known


def hosted(conversation: Conversation, decoded: Sequence[Decoded], declared: Declared) -> frozenset[str]:
    """Check everything that names a server; returns the approvals that were used by an `mcp_call`."""
    used: set[str] = set()
    for item in decoded:
        match item:
            case ToolListing():
                _server(declared, item.server_label, item.id)
            case ApprovalRequest():
                check_asked(declared, item)
            case HostedCall():
                _allowed(declared, item)
                used.update(_used_approval(conversation, item, declared, used))
            case HostedToolCall() if not declared.accepts(item):
                where = f" in {item.container_id}" if item.container_id else ""
                raise UndeclaredServer(
                    f"the provider ran {item.kind}{where}, which was not declared", item_id=item.id
                )
            case _:
                pass
    return frozenset(used)


def _server(declared: Declared, label: str, item_id: str) -> HostedServer:
    server = declared.servers.get(label)
    if server is None:
        raise UndeclaredServer(
            f"the response speaks of a server {label!r} that nobody declared",
            item_id=item_id,
            server_label=label,
        )
    return server


def _allowed(declared: Declared, item: ApprovalRequest | HostedCall) -> HostedServer:
    server = _server(declared, item.server_label, item.id)
    if server.allowed_tools is not None and item.name not in server.allowed_tools:
        raise UndeclaredServer(
            f"{item.server_label}.{item.name} is not among the server's allowed_tools",
            item_id=item.id,
            server_label=item.server_label,
        )
    return server


def check_asked(declared: Declared, item: ApprovalRequest) -> None:
    """Whether this server may ask for this tool, as declared now. Raises ProtocolViolation."""
    if _allowed(declared, item).observed:
        raise UnapprovedCall(
            f"{item.server_label} was opted out of approvals, and the provider asks all the same",
            item_id=item.id,
            server_label=item.server_label,
        )


def _used_approval(
    conversation: Conversation, call: HostedCall, declared: Declared, used: set[str]
) -> tuple[str, ...]:
    """The approval that covers `call`; () when the server was opted out of approvals."""
    name = f"{call.server_label}.{call.name}"
    if call.approval_request_id is None:
        if declared.servers[call.server_label].observed:
            return ()
        raise UnapprovedCall(
            f"{name} ran without asking: this endpoint does not honour require_approval",
            item_id=call.id,
            server_label=call.server_label,
        )
    if call.approval_request_id in used:
        raise DuplicateItem(f"the approval {call.approval_request_id} was used twice", item_id=call.id)
    request = conversation.approved.get(call.approval_request_id)
    if request is None:
        raise UnapprovedCall(
            f"{name} ran under {call.approval_request_id}, which nobody approved, or which was used before",
            item_id=call.id,
            server_label=call.server_label,
        )
    if (request.server_label, request.name, request.arguments) != (
        call.server_label,
        call.name,
        call.arguments,
    ):
        raise UnapprovedCall(
            f"{name} differs from what was approved under {call.approval_request_id}",
            item_id=call.id,
            server_label=call.server_label,
        )
    return (call.approval_request_id,)
