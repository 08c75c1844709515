"""What must hold of the items of a stateless request. One small check each; the first broken one is a 400."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from mcpbridge.service.errors import ApiError
from mcpbridge.service.item_shapes import check_shapes
from mcpbridge.service.quirks import Quirk, Quirks
from mcpbridge.service.reasoning import Sealer, invalid_encrypted_content
from mcpbridge.service.request import CreateRequest
from mcpbridge.service.wire import Item, reasoning_link, required_reasoning

CLIENT_AUTHORED = frozenset(
    [
        "function_call_output",
        "custom_tool_call_output",
        "computer_call_output",
        "local_shell_call_output",
        "shell_call_output",
        "apply_patch_call_output",
        "mcp_approval_response",
    ]
)
_CALLS: Mapping[str, tuple[str, str]] = {
    "function_call": ("function_call_output", "function call"),
    "custom_tool_call": ("custom_tool_call_output", "custom tool call"),
    "computer_call": ("computer_call_output", "computer call"),
}
_BOUND_TO_REASONING = frozenset({"message", "function_call", "mcp_call"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval request of the input together with its answer."""

    request: Item
    approve: bool
    reason: str
    executed: bool

    @property
    def live(self) -> bool:
        """Approved, and no mcp_call in the input says that it has run."""
        return self.approve and not self.executed


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedInput:
    """Items that hold together, with what the checks found out on the way."""

    items: tuple[Item, ...] = field(repr=False)
    approvals: tuple[Approval, ...] = field(repr=False)
    thoughts: Mapping[str, str] = field(repr=False)
    """Decrypted reasoning by item id."""


def check_input(
    request: CreateRequest, sealer: Sealer, quirks: Quirks, *, inert: Collection[str], expired: bool
) -> CheckedInput:
    """Raises ApiError. `inert`: item types that only the script knows; `expired`: no ciphertext verifies."""
    items = request.items
    check_shapes(items, inert)
    _refuse_duplicates(items)
    approvals = _pair_approvals(items)
    _refuse_unanswered_calls(items)
    _refuse_unfollowed_reasoning(items)
    _refuse_missing_reasoning(items)
    _refuse_unknown_labels(approvals, request)
    fails = expired and Quirk.CIPHERTEXT_EXPIRES in quirks
    return CheckedInput(
        items=items, approvals=approvals, thoughts=_open_reasoning(items, request.model, sealer, fails)
    )


def is_client_authored(item: Item) -> bool:
    kind: object = item.get("type", "message")
    if kind == "message":
        return item.get("role") != "assistant"
    return kind in CLIENT_AUTHORED


def replays_ciphertext(items: Sequence[Item]) -> bool:
    return any(item.get("type") == "reasoning" and item.get("encrypted_content") for item in items)


def _refuse_duplicates(items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        item_id: object = item.get("id")
        if isinstance(item_id, str) and item_id in seen:
            message = (
                f"Duplicate item found with id {item_id}. "
                "Remove duplicate items from your input and try again."
            )
            raise ApiError(message, param="input")
        if isinstance(item_id, str):
            seen.add(item_id)


def _pair_approvals(items: Sequence[Item]) -> tuple[Approval, ...]:
    executed = {item.get("approval_request_id") for item in items if item.get("type") == "mcp_call"}
    requests: dict[str, Item] = {}
    approvals: dict[str, Approval] = {}
    for item in items:
        if item.get("type") == "mcp_approval_request":
            requests[item["id"]] = item
        elif item.get("type") == "mcp_approval_response":
            request_id = item["approval_request_id"]
            _refuse_stray_answer(request_id, requests, approvals)
            approvals[request_id] = Approval(
                request=requests[request_id],
                approve=item["approve"],
                reason=item.get("reason") or "",
                executed=request_id in executed,
            )
    unanswered = [request_id for request_id in requests if request_id not in approvals]
    if unanswered:
        listed = ", ".join(unanswered)
        message = f"The following MCP approval requests do not have an approval: {listed}"
        raise ApiError(message, param="input")
    return tuple(approvals.values())


def _refuse_stray_answer(
    request_id: str, requests: Mapping[str, Item], approvals: Mapping[str, Approval]
) -> None:
    if request_id not in requests:
        message = f"No MCP approval request found for approval response with id {request_id}."
        raise ApiError(message, param="input")
    if request_id in approvals:
        message = f"MCP approval request {request_id} has more than one approval response."
        raise ApiError(message, param="input")


def _refuse_unanswered_calls(items: Sequence[Item]) -> None:
    for call_type, (output_type, noun) in _CALLS.items():
        calls = [item.get("call_id") for item in items if item.get("type") == call_type]
        outputs = [item.get("call_id") for item in items if item.get("type") == output_type]
        for call_id in calls:
            if call_id not in outputs:
                raise ApiError(f"No tool output found for {noun} {call_id}.", param="input")
        for call_id in outputs:
            if call_id not in calls:
                message = f"No tool call found for {noun} output with call_id {call_id}."
                raise ApiError(message, param="input")


def _refuse_unfollowed_reasoning(items: Sequence[Item]) -> None:
    for item, follower in zip(items, [*items[1:], None], strict=True):
        if item.get("type") == "reasoning" and (follower is None or is_client_authored(follower)):
            message = (
                f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."
            )
            raise ApiError(message, param="input")


def _refuse_missing_reasoning(items: Sequence[Item]) -> None:
    """A follower needs its reasoning, except where all reasoning of finished turns was dropped.

    That exception is the remedy clients have when ciphertext no longer verifies.
    """
    boundary = max((i for i, item in enumerate(items) if item.get("role") == "user"), default=0)
    first = boundary if not any(item.get("type") == "reasoning" for item in items[:boundary]) else 0
    links: set[str] = set()
    for item in items[first:]:
        kind = item.get("type", "message")
        if kind == "reasoning":
            links.add(reasoning_link(item["id"]))
        link = required_reasoning(item.get("id")) if kind in _BOUND_TO_REASONING else None
        if link is not None and link not in links:
            message = (
                f"Item '{item['id']}' of type '{kind}' was provided without its required "
                f"'reasoning' item: 'rs_{link}'."
            )
            raise ApiError(message, param="input")


def _refuse_unknown_labels(approvals: Sequence[Approval], request: CreateRequest) -> None:
    for approval in approvals:
        label = approval.request["server_label"]
        if approval.live and request.server(label) is None:
            message = f"MCP server with label '{label}' not found in tools."
            raise ApiError(message, param="tools", code="invalid_value")


def _open_reasoning(items: Sequence[Item], model: str, sealer: Sealer, fails: bool) -> dict[str, str]:
    thoughts: dict[str, str] = {}
    for item in items:
        if item.get("type") != "reasoning":
            continue
        item_id, ciphertext = item["id"], item.get("encrypted_content")
        if ciphertext is None:
            message = (
                f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false. "
                "Try again with `store` set to true, or remove this item from your input."
            )
            raise ApiError(message, status=404, param="input")
        if fails:
            raise invalid_encrypted_content(item_id)
        thoughts[item_id] = sealer.unseal(ciphertext, item_id=item_id, model=model)
    return thoughts
