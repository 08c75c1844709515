"""What must hold of the items of a stateless request. One small check each; the first broken one is a 400."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from mcpbridge.service.errors import ApiError
from mcpbridge.service.items.pairing import OUTPUTS, refuse_unpaired
from mcpbridge.service.items.reasoning import Binding, Sealer, invalid_encrypted_content, prefixes
from mcpbridge.service.items.shapes import check_shapes, not_stored
from mcpbridge.service.quirks import Quirk, Quirks
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.wire import Item, reasoning_link, required_reasoning

CLIENT_AUTHORED = frozenset({*OUTPUTS, "additional_tools", "mcp_approval_response"})
_BOUND_TO_REASONING = frozenset({"message", "function_call", "mcp_call"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval request of the input together with its answer."""

    request: Item
    approve: bool
    reason: str
    executed: bool
    new: bool
    """Answered after the last thing that the model produced."""

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
    withheld: tuple[str, ...] = ()
    """Ids of reasoning that follows another prefix than its own: the model is not shown it."""
    binding: Binding = field(default_factory=Binding, repr=False)
    """What reasoning of this response is bound to."""
    quirks: Quirks = field(default_factory=Quirks)

    @property
    def ends_in_denial(self) -> bool:
        """Whether the last thing that the client says is its answers, a denial among them."""
        denied = False
        for item in reversed(self.items):
            if item.get("type") != "mcp_approval_response":
                break
            denied = denied or item["approve"] is False
        return denied


def check_input(
    request: CreateRequest, sealer: Sealer, quirks: Quirks, *, inert: Collection[str], expired: bool
) -> CheckedInput:
    """Raises ApiError. `inert`: item types that only the script knows; `expired`: no ciphertext verifies."""
    items = request.items
    check_shapes(items[request.prior :], inert)
    _refuse_duplicates(items)
    approvals = _pair_approvals(items)
    refuse_unpaired(items)
    _refuse_unfollowed_reasoning(items)
    _refuse_missing_reasoning(items)
    _refuse_unknown_labels(approvals, request)
    _refuse_unstored_images(request, quirks)
    fails = expired and Quirk.CIPHERTEXT_EXPIRES in quirks
    bindings = _bindings(request, quirks)
    thoughts, withheld = _open_reasoning(request, bindings, sealer, fails)
    return CheckedInput(
        items=items,
        approvals=approvals,
        thoughts=thoughts,
        withheld=withheld,
        binding=bindings[-1],
        quirks=quirks,
    )


def is_client_authored(item: Item) -> bool:
    kind: object = item.get("type", "message")
    if kind == "message":
        return item.get("role") != "assistant"
    if kind == "tool_search_output":
        return item.get("execution") == "client"
    return kind in CLIENT_AUTHORED


def first_new(items: Sequence[Item]) -> int:
    """Where that begins what the client says after the last thing that the model produced."""
    boundary = len(items)
    while boundary and is_client_authored(items[boundary - 1]):
        boundary -= 1
    return boundary


def replays_ciphertext(items: Sequence[Item]) -> bool:
    return any(item.get("type") == "reasoning" and item.get("encrypted_content") for item in items)


def _refuse_duplicates(items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        item_id: object = item.get("id")
        if item.get("type") == "local_shell_call_output":
            continue  # its id may be its call's
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
    boundary = first_new(items)
    for index, item in enumerate(items):
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
                new=index >= boundary,
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


def _refuse_unfollowed_reasoning(items: Sequence[Item]) -> None:
    for item, follower in zip_longest(items, items[1:]):
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


def _refuse_unstored_images(request: CreateRequest, quirks: Quirks) -> None:
    if Quirk.STORED_IMAGES_ONLY not in quirks or request.body.get("store") is not False:
        return
    for item in request.items:
        if item.get("type") == "image_generation_call":
            raise not_stored(item["id"])


def _bindings(request: CreateRequest, quirks: Quirks) -> list[Binding]:
    """What reasoning at each place of the input is bound to, and, last, reasoning of this response."""
    if Quirk.REASONING_UNBOUND in quirks:
        return [Binding()] * (len(request.items) + 1)
    return [Binding.to(request.model, prefix) for prefix in prefixes(request.items)]


def _open_reasoning(
    request: CreateRequest, bindings: Sequence[Binding], sealer: Sealer, fails: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The thoughts by item id, and the ids of reasoning that is out of its place."""
    thoughts: dict[str, str] = {}
    withheld: list[str] = []
    for item, binding in zip(request.items, bindings, strict=False):
        if item.get("type") != "reasoning":
            continue
        item_id, ciphertext = item["id"], item.get("encrypted_content")
        if item_id in request.remembered:
            thoughts[item_id] = request.remembered[item_id]
            continue
        if ciphertext is None:
            raise not_stored(item_id)
        if fails:
            raise invalid_encrypted_content(item_id)
        opened = sealer.unseal(ciphertext, item_id=item_id, binding=binding)
        if opened.in_place:
            thoughts[item_id] = opened.thought
        else:
            withheld.append(item_id)
    return thoughts, tuple(withheld)
