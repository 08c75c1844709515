"""Calls that the client executes, each with the output that answers it: paired both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcpbridge.service.errors import ApiError
from mcpbridge.service.wire import Item, is_list, is_object


@dataclass(frozen=True, slots=True)
class _Pair:
    call: str
    output: str
    noun: str


_PAIRS = (
    _Pair("function_call", "function_call_output", "function call"),
    _Pair("custom_tool_call", "custom_tool_call_output", "custom tool call"),
    _Pair("computer_call", "computer_call_output", "computer call"),
    _Pair("local_shell_call", "local_shell_call_output", "local shell call"),
    _Pair("shell_call", "shell_call_output", "shell call"),
    _Pair("apply_patch_call", "apply_patch_call_output", "apply patch call"),
    _Pair("tool_search_call", "tool_search_output", "tool search call"),
)
CALLS = frozenset(pair.call for pair in _PAIRS)
OUTPUTS = frozenset(pair.output for pair in _PAIRS)


def waits_for_client(item: Item) -> bool:
    """Whether the conversation cannot go on before the client has answered this item."""
    kind: object = item.get("type")
    if kind == "tool_search_call":
        return item.get("execution") == "client"
    return kind in CALLS or kind == "mcp_approval_request"


def refuse_unpaired(items: Sequence[Item]) -> None:
    """Raises ApiError for a call without its output, and for an output without its call."""
    for pair in _PAIRS:
        calls = {_call_id(item): item for item in items if item.get("type") == pair.call and _is_ours(item)}
        outputs = {
            _call_id(item): item for item in items if item.get("type") == pair.output and _is_ours(item)
        }
        for call_id in calls:
            if call_id not in outputs:
                raise ApiError(f"No tool output found for {pair.noun} {call_id}.", param="input")
        for call_id, output in outputs.items():
            if call_id not in calls:
                message = f"No tool call found for {pair.noun} output with call_id {call_id}."
                raise ApiError(message, param="input")
            _refuse_unacknowledged(calls[call_id], output)


def _is_ours(item: Item) -> bool:
    """A tool search that the service executed is not the client's to answer."""
    searches = item["type"] in ("tool_search_call", "tool_search_output")
    return not searches or item.get("execution") == "client"


def _call_id(item: Item) -> object:
    """A local_shell_call_output of the openai types names its call in `id`."""
    named: object = item.get("call_id")
    return item.get("id") if named is None else named


def _refuse_unacknowledged(call: Item, output: Item) -> None:
    pending = _check_ids(call.get("pending_safety_checks"))
    acknowledged = _check_ids(output.get("acknowledged_safety_checks"))
    missing = [check for check in pending if check not in acknowledged]
    if missing:
        message = (
            f"The following safety checks of computer call {call.get('call_id')} have not been acknowledged: "
            f"{', '.join(missing)}"
        )
        raise ApiError(message, param="input")


def _check_ids(checks: object) -> list[str]:
    return [str(check.get("id")) for check in checks if is_object(check)] if is_list(checks) else []
