"""The body of POST /v1/responses, parsed once into a frozen value; what is wrong is a 400 with its path."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from mcpbridge.service.errors import (
    ApiError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unknown_parameter,
    unsupported,
)
from mcpbridge.service.quirks import Quirk, Quirks
from mcpbridge.service.tools import McpDeclaration, read_tools
from mcpbridge.service.wire import Item, is_list, is_object

# CreateResponse of the published API description, in its order.
_KNOWN: dict[str, tuple[type, ...]] = {
    "metadata": (dict,),
    "top_logprobs": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "user": (str,),
    "safety_identifier": (str,),
    "prompt_cache_key": (str,),
    "prompt_cache_retention": (str,),
    "prompt_cache_options": (dict,),
    "model": (str,),
    "max_tool_calls": (int,),
    "text": (dict,),
    "tools": (list,),
    "tool_choice": (str, dict),
    "service_tier": (str,),
    "truncation": (str,),
    "reasoning": (dict,),
    "input": (str, list),
    "include": (list,),
    "parallel_tool_calls": (bool,),
    "store": (bool,),
    "instructions": (str,),
    "stream": (bool,),
    "stream_options": (dict,),
    "max_output_tokens": (int,),
}
_UNSUPPORTED: dict[str, str] = {
    "previous_response_id": "it stores nothing; send all items with `store: false`.",
    "conversation": "it stores nothing; send all items with `store: false`.",
    "background": "background responses need stored responses.",
    "prompt": "it keeps no prompt templates.",
    "context_management": "it does not compact.",
    "moderation": "it does not moderate.",
}
_INCLUDE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
_ENCRYPTED = "reasoning.encrypted_content"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A request whose top level is sound; the items are checked by `mcpbridge.service.input`."""

    model: str
    items: tuple[Item, ...] = field(repr=False)
    instructions: str | None = field(repr=False)
    servers: tuple[McpDeclaration, ...]
    stream: bool
    encrypted_reasoning: bool
    body: Item = field(repr=False)

    def server(self, label: str) -> McpDeclaration | None:
        return next((server for server in self.servers if server.label == label), None)


def read_request(raw: bytes, quirks: Quirks) -> CreateRequest:
    """Raises ApiError."""
    body = _decode(raw)
    _check_names(body)
    if not body.get("model"):
        raise missing_parameter("model")
    if body.get("input") is None:
        raise missing_parameter("input")
    include = _read_include(body.get("include"), quirks)
    servers = read_tools(body.get("tools") or [], quirks)
    return CreateRequest(
        model=body["model"],
        items=_read_input(body["input"]),
        instructions=body.get("instructions"),
        servers=tuple(server for server in servers if not quirks.silences(server.label)),
        stream=body.get("stream") is True,
        encrypted_reasoning=_ENCRYPTED in include,
        body=body,
    )


def _decode(raw: bytes) -> Item:
    try:
        body: object = json.loads(raw)
    except ValueError:
        raise ApiError("We could not parse the JSON body of your request.") from None
    if not is_object(body):
        raise ApiError("The body of the request must be a JSON object.")
    return body


def _check_names(body: Item) -> None:
    for name, value in body.items():
        if name in _UNSUPPORTED:
            if value not in (None, False):
                raise unsupported(name, _UNSUPPORTED[name])
        elif name not in _KNOWN:
            raise unknown_parameter(name)
        elif value is not None:
            _check_type(name, value)
    if body.get("store") is True:
        raise unsupported("store", "it keeps nothing; send `store: false`.")


def _check_type(name: str, value: object) -> None:
    allowed = _KNOWN[name]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise invalid_type(name, _expected(allowed), value)


def _expected(allowed: tuple[type, ...]) -> str:
    names = {str: "a string", dict: "an object", list: "an array", int: "an integer", float: "a number"}
    return " or ".join(names.get(kind, "a boolean") for kind in allowed)


def _read_include(value: object, quirks: Quirks) -> tuple[str, ...]:
    include = value if is_list(value) else []
    supported: Callable[[object], bool] = _INCLUDE.__contains__
    for index, name in enumerate(include):
        if not supported(name):
            raise invalid_value(f"include[{index}]", name, ", ".join(f"'{known}'" for known in _INCLUDE))
    if _ENCRYPTED in include and Quirk.REJECT_ENCRYPTED_INCLUDE in quirks:
        raise ApiError("Encrypted content is not supported with this model.", param="include")
    return tuple(include)


def _read_input(value: object) -> tuple[Item, ...]:
    if isinstance(value, str):
        return ({"type": "message", "role": "user", "content": value},)
    items: list[Item] = []
    for index, item in enumerate(value if is_list(value) else []):
        if not is_object(item):
            raise invalid_type(f"input[{index}]", "an object", item)
        items.append(item)
    return tuple(items)
