"""The body of POST /v1/responses, parsed once into a frozen value; what is wrong is a 400 with its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpbridge.service.errors import (
    ApiError,
    invalid_type,
    missing_parameter,
    unknown_parameter,
    unsupported,
)
from mcpbridge.service.quirks import Quirk, Quirks
from mcpbridge.service.request.include import Include
from mcpbridge.service.request.json_body import read_object
from mcpbridge.service.request.ranges import check_ranges
from mcpbridge.service.request.text_format import TextFormat, read_text_format
from mcpbridge.service.request.tool_choice import ToolChoice, read_tool_choice
from mcpbridge.service.request.tools import McpDeclaration, read_tools
from mcpbridge.service.response.pictures import ImageTool, read_image_tool
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
    "previous_response_id": (str,),
    "background": (bool,),
}
# TokenCountsBody of the same.
_COUNTED = frozenset(
    [
        "model",
        "input",
        "previous_response_id",
        "tools",
        "text",
        "reasoning",
        "truncation",
        "instructions",
        "personality",
        "conversation",
        "tool_choice",
        "parallel_tool_calls",
    ]
)
_UNSUPPORTED: dict[str, str] = {
    "conversation": "it keeps no conversations; go on with `previous_response_id`, or send all items.",
    "prompt": "it keeps no prompt templates.",
    "context_management": "it does not compact.",
    "moderation": "it does not moderate.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A request whose top level is sound; the items are checked by `mcpbridge.service.items.checks`."""

    model: str
    items: tuple[Item, ...] = field(repr=False)
    instructions: str | None = field(repr=False)
    servers: tuple[McpDeclaration, ...]
    stream: bool
    encrypted_reasoning: bool
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    text_format: TextFormat = field(default_factory=TextFormat)
    parallel_tool_calls: bool = True
    max_tool_calls: int | None = None
    """How many hosted calls the model may make in this response."""
    image_tool: ImageTool | None = None
    body: Item = field(repr=False)
    store: bool = True
    background: bool = False
    previous_response_id: str | None = None
    prior: int = 0
    """How many of `items` come from stored responses: they were checked when they came in."""
    remembered: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What stored reasoning hides, by item id: it needs no ciphertext to be known."""

    def server(self, label: str) -> McpDeclaration | None:
        return next((server for server in self.servers if server.label == label), None)


def read_request(raw: bytes, quirks: Quirks) -> CreateRequest:
    """Raises ApiError."""
    body = read_object(raw)
    _check_names(body)
    check_ranges(body)
    if body.get("background") is True and body.get("store") is False:
        raise ApiError("Background mode requires 'store' to be true.", param="background")
    if body.get("background") is True and Quirk.NO_BACKGROUND in quirks:
        raise ApiError("Background responses are not supported.", param="background")
    if not body.get("model"):
        raise missing_parameter("model")
    if body.get("input") is None:
        raise missing_parameter("input")
    include = _read_include(body.get("include"), quirks)
    tools: list[Any] = body.get("tools") or []
    servers = read_tools(tools, quirks)
    items = _read_input(body["input"])
    choice = read_tool_choice(body.get("tool_choice"), tools)
    text_format = read_text_format(body.get("text"), items, body.get("instructions"))
    image_tool = next((tool for tool in tools if tool.get("type") == "image_generation"), None)
    obeys = Quirk.TOOL_CHOICE_IGNORED not in quirks
    return CreateRequest(
        model=body["model"],
        items=items,
        instructions=body.get("instructions"),
        servers=tuple(server for server in servers if not quirks.strikes(Quirk.SILENT_SERVER, server.label)),
        stream=body.get("stream") is True,
        encrypted_reasoning=include.encrypted_reasoning,
        tool_choice=choice if obeys else ToolChoice(),
        text_format=TextFormat() if Quirk.TEXT_FORMAT_IGNORED in quirks else text_format,
        parallel_tool_calls=body.get("parallel_tool_calls") is not False or not obeys,
        max_tool_calls=body.get("max_tool_calls"),
        image_tool=read_image_tool(image_tool, f"tools[{tools.index(image_tool)}]") if image_tool else None,
        body=body,
        store=body.get("store") is not False,
        background=body.get("background") is True,
        previous_response_id=body.get("previous_response_id"),
    )


def read_count_request(raw: bytes) -> CreateRequest:
    """The body of POST /v1/responses/input_tokens, where everything may be left out. Raises ApiError."""
    body = read_object(raw)
    for name in body:
        if name not in _COUNTED:
            raise unknown_parameter(name)
    _check_names({name: value for name, value in body.items() if name != "personality"})
    return CreateRequest(
        model=body.get("model") or "",
        items=_read_input([] if body.get("input") is None else body["input"]),
        instructions=body.get("instructions"),
        servers=(),
        stream=False,
        encrypted_reasoning=False,
        body=body,
        previous_response_id=body.get("previous_response_id"),
    )


def _check_names(body: Item) -> None:
    for name, value in body.items():
        if name in _UNSUPPORTED:
            if value not in (None, False):
                raise unsupported(name, _UNSUPPORTED[name])
        elif name not in _KNOWN:
            raise unknown_parameter(name)
        elif value is not None:
            _check_type(name, value)


def _check_type(name: str, value: object) -> None:
    allowed = _KNOWN[name]
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise invalid_type(name, _expected(allowed), value)


def _expected(allowed: tuple[type, ...]) -> str:
    names = {str: "a string", dict: "an object", list: "an array", int: "an integer", float: "a number"}
    return " or ".join(names.get(kind, "a boolean") for kind in allowed)


def _read_include(value: object, quirks: Quirks) -> Include:
    include = Include.read(value if is_list(value) else [])
    if include.encrypted_reasoning and Quirk.REJECT_ENCRYPTED_INCLUDE in quirks:
        raise ApiError("Encrypted content is not supported with this model.", param="include")
    return include


def _read_input(value: object) -> tuple[Item, ...]:
    if isinstance(value, str):
        return ({"type": "message", "role": "user", "content": value},)
    items: list[Item] = []
    for index, item in enumerate(value if is_list(value) else []):
        if not is_object(item):
            raise invalid_type(f"input[{index}]", "an object", item)
        items.append(item)
    return tuple(items)
