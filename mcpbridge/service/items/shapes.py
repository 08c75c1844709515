"""The shape of each input item: which fields it may have and of which type (published API description).

What only the output of a response may hold is refused as the unknown parameter that it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mcpbridge.service.errors import (
    ApiError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unknown_parameter,
)
from mcpbridge.service.wire import Item, is_list, is_object


@dataclass(frozen=True, slots=True)
class _Shape:
    """Required fields, each with its JSON type; names of the others; whether `id` may be null."""

    required: Mapping[str, type]
    optional: str = ""
    null_id: bool = False


_OUTPUT = "id name namespace caller status"
_SHAPES: Mapping[str, _Shape] = {
    "message": _Shape({"role": str}, "id content status phase"),
    "reasoning": _Shape({"id": str, "summary": list}, "content encrypted_content status"),
    "function_call": _Shape({"call_id": str, "name": str, "arguments": str}, "id caller namespace status"),
    "function_call_output": _Shape({"call_id": str}, f"output {_OUTPUT}", True),
    "custom_tool_call": _Shape({"call_id": str, "name": str, "input": str}, "id caller namespace status"),
    "custom_tool_call_output": _Shape({"call_id": str}, f"output {_OUTPUT}", True),
    "computer_call": _Shape(
        {"id": str, "call_id": str, "pending_safety_checks": list, "status": str}, "action actions"
    ),
    "computer_call_output": _Shape(
        {"call_id": str, "output": dict}, "id acknowledged_safety_checks status", True
    ),
    "local_shell_call": _Shape({"id": str, "call_id": str, "action": dict, "status": str}),
    # The description requires call_id and lists it nowhere; the openai types have only id.
    "local_shell_call_output": _Shape({"output": str}, "id call_id status"),
    "shell_call": _Shape({"call_id": str, "action": dict}, "id caller status environment", True),
    "shell_call_output": _Shape({"call_id": str, "output": list}, "id caller status max_output_length", True),
    "apply_patch_call": _Shape({"call_id": str, "status": str, "operation": dict}, "id caller", True),
    "apply_patch_call_output": _Shape({"call_id": str, "status": str}, "id caller output", True),
    "tool_search_call": _Shape({"arguments": dict}, "id call_id execution status", True),
    "tool_search_output": _Shape({"tools": list}, "id call_id execution status", True),
    "additional_tools": _Shape({"role": str, "tools": list}, "id", True),
    "mcp_list_tools": _Shape({"id": str, "server_label": str, "tools": list}, "error"),
    "mcp_approval_request": _Shape({"id": str, "server_label": str, "name": str, "arguments": str}),
    "mcp_approval_response": _Shape({"approval_request_id": str, "approve": bool}, "id reason", True),
    "mcp_call": _Shape(
        {"id": str, "server_label": str, "name": str, "arguments": str},
        "output error status approval_request_id",
    ),
    "image_generation_call": _Shape({"id": str, "status": str}, "result"),
    "web_search_call": _Shape({"id": str, "status": str}, "action"),
    "file_search_call": _Shape({"id": str, "status": str, "queries": list}, "results"),
    "code_interpreter_call": _Shape({"id": str, "status": str, "container_id": str}, "code outputs"),
    "program": _Shape({"id": str, "call_id": str, "code": str, "fingerprint": str}),
    "program_output": _Shape({"id": str, "call_id": str, "result": str, "status": str}),
    "compaction": _Shape({"encrypted_content": str}, "id", True),
    "compaction_trigger": _Shape({}),
}
_OUTPUT_ONLY = frozenset({"created_by", "parsed", "parsed_arguments"})
_TEXTS = frozenset(
    {
        "id",
        "call_id",
        "approval_request_id",
        "execution",
        "encrypted_content",
        "name",
        "phase",
        "reason",
        "result",
        "status",
    }
)
"""Fields that are text wherever they may stand; null where they may be left out."""
_OBJECTS = frozenset({"summary", "tools", "pending_safety_checks", "acknowledged_safety_checks"})
"""Fields that are lists of objects."""
_ROLES = ("user", "assistant", "system", "developer")
_NAMES: Mapping[type, str] = {str: "a string", list: "an array", bool: "a boolean", dict: "an object"}
_CONTENT: Mapping[str, str] = {
    "message": "content",
    "function_call_output": "output",
    "custom_tool_call_output": "output",
}


def check_shapes(items: Sequence[Item], inert: Collection[str]) -> None:
    """Raises ApiError at the first item that has not the shape of its type."""
    for index, item in enumerate(items):
        path = f"input[{index}]"
        kind: object = item.get("type", "message")
        if not isinstance(kind, str):
            raise invalid_type(f"{path}.type", "a string", kind)
        if kind == "item_reference":
            raise not_stored(str(item.get("id")))
        _refuse_output_only(item, path)
        if kind in _SHAPES:
            _check_known(item, kind, path)
        elif kind not in inert:
            supported = ", ".join(f"'{name}'" for name in sorted(_SHAPES))
            raise invalid_value(f"{path}.type", kind, supported)


def not_stored(item_id: str) -> ApiError:
    message = (
        f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false. "
        "Try again with `store` set to true, or remove this item from your input."
    )
    return ApiError(message, status=404, param="input")


def _check_known(item: Item, kind: str, path: str) -> None:
    shape = _SHAPES[kind]
    for name, expected in shape.required.items():
        if name not in item:
            raise missing_parameter(f"{path}.{name}")
        if not isinstance(item[name], expected):
            raise invalid_type(f"{path}.{name}", _NAMES[expected], item[name])
    for name in item:
        if name != "type" and name not in shape.required and name not in shape.optional.split():
            raise unknown_parameter(f"{path}.{name}")
    _check_types(item, shape, path)
    _check_content(item, kind, path)
    if kind == "mcp_list_tools":
        _check_listed(item["tools"], f"{path}.tools")


def _check_types(item: Item, shape: _Shape, path: str) -> None:
    """Fields whose type is the same in every kind."""
    for name in _TEXTS.intersection(item):
        null = shape.null_id if name == "id" else name not in shape.required
        if not isinstance(item[name], str) and not (item[name] is None and null):
            raise invalid_type(f"{path}.{name}", "a string", item[name])
    for name in _OBJECTS.intersection(item):
        for index, one in enumerate(item[name] if is_list(item[name]) else []):
            if not is_object(one):
                raise invalid_type(f"{path}.{name}[{index}]", "an object", one)


def _check_listed(tools: Sequence[Item], path: str) -> None:
    """Published description of MCPListToolsTool."""
    required: Mapping[str, type] = {"name": str, "input_schema": dict}
    for index, tool in enumerate(tools):
        for name, expected in required.items():
            if name not in tool:
                raise missing_parameter(f"{path}[{index}].{name}")
            if not isinstance(tool[name], expected):
                raise invalid_type(f"{path}[{index}].{name}", _NAMES[expected], tool[name])


def _check_content(item: Item, kind: str, path: str) -> None:
    name = _CONTENT.get(kind)
    if name is None:
        return
    if name not in item:
        raise missing_parameter(f"{path}.{name}")
    if not isinstance(item[name], (str, list)):
        raise invalid_type(f"{path}.{name}", "a string or an array", item[name])
    if kind == "message" and item["role"] not in _ROLES:
        raise invalid_value(f"{path}.role", item["role"], ", ".join(f"'{role}'" for role in _ROLES))


def _refuse_output_only(item: Item, path: str) -> None:
    for name in item:
        if name in _OUTPUT_ONLY:
            raise unknown_parameter(f"{path}.{name}")
    content: object = item.get("content")
    for index, part in enumerate(content if is_list(content) else []):
        if is_object(part) and "parsed" in part:
            raise unknown_parameter(f"{path}.content[{index}].parsed")
