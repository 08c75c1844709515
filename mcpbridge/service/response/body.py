"""The response object: what was asked, echoed, around the output, and plausible usage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mcpbridge.service.quirks import Quirk, Quirks
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.response.performance import Performance
from mcpbridge.service.wire import Item, is_object, without_none

_TOKEN = 4  # characters in a token, the usual rule of thumb for English
_SECRETS = ("authorization", "headers")
_NOT_NULL = ("user", "prompt_cache_options")
_OPEN_RESPONSES: Mapping[str, object] = {
    "top_logprobs": 0,
    "service_tier": "default",
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""What Open Responses requires besides, where the API's own description leaves it open."""
_ECHOED = (
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_options",
    "reasoning",
    "safety_identifier",
    "user",
)


def begun_response(request: CreateRequest, response_id: str, created_at: int, quirks: Quirks) -> Item:
    """The object as it is first shown: queued (background) or in progress, without output."""
    body = request.body
    echoed = {name: body.get(name) for name in _ECHOED}
    response: Item = {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "status": "queued" if request.background else "in_progress",
        "background": request.background,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "model": request.model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "store": request.store,
        "temperature": _or(body.get("temperature"), 1.0),
        "text": _text(body.get("text")),
        "tool_choice": _or(body.get("tool_choice"), "auto"),
        "tools": [_tool(tool, quirks) for tool in _declared(body)],
        "top_p": _or(body.get("top_p"), 1.0),
        "truncation": _or(body.get("truncation"), "disabled"),
        "metadata": _or(body.get("metadata"), {}),
        "completed_at": None,
        "usage": usage(input_tokens(request), []),
        **{name: _or(body.get(name), default) for name, default in _OPEN_RESPONSES.items()},
    }
    return without_none({**response, **echoed}, _NOT_NULL)


def ended_response(begun: Item, performance: Performance, completed_at: int) -> Item:
    """The object when all is done."""
    end = performance.end
    ended = {**begun, "status": end.status if end else "completed", "output": list(performance.output)}
    ended["usage"] = usage(begun["usage"]["input_tokens"], performance.output)
    if end is None:
        ended["completed_at"] = completed_at
    elif end.status == "incomplete":
        ended["incomplete_details"] = {"reason": end.reason}
    elif end.status == "failed":
        ended["error"] = {"code": end.code, "message": end.message}
    return {**ended, **performance.extra}


def usage(sent: int, output: Sequence[Item]) -> Item:
    made = _tokens(output)
    return {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {
            "reasoning_tokens": _tokens([i for i in output if i.get("type") == "reasoning"])
        },
        "total_tokens": sent + made,
    }


def input_tokens(request: CreateRequest) -> int:
    return _tokens([request.instructions or "", *request.items, *(request.body.get("tools") or [])])


def _tokens(values: Sequence[object]) -> int:
    return sum(len(json.dumps(value)) // _TOKEN for value in values)


def _text(value: object) -> Item:
    text: Item = value if is_object(value) else {}
    return {"format": {"type": "text"}, **text}


def _tool(tool: Item, quirks: Quirks) -> Item:
    if tool.get("type") == "function":
        return {"description": None, "strict": True, "parameters": {}, **tool}
    if tool.get("type") != "mcp":
        return tool
    asked = {"allowed_tools": None, "require_approval": "always", "server_description": None}
    if Quirk.ECHO_SECRETS not in quirks:
        tool = {**{key: value for key, value in tool.items() if key not in _SECRETS}, "headers": None}
    return without_none({**asked, **tool}, ("server_description", "authorization"))


def _declared(body: Item) -> list[Item]:
    return body.get("tools") or []


def _or(value: object, default: object) -> object:
    return default if value is None else value
