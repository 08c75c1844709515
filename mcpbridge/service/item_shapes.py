"""The shape of each input item: which fields it may have and of which type (published API description)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mcpbridge.service.errors import (
    ApiError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unknown_parameter,
)
from mcpbridge.service.wire import Item, is_list, is_object

# Required fields, each with its JSON type.
_REQUIRED: Mapping[str, Mapping[str, type]] = {
    "message": {"role": str},
    "reasoning": {"id": str, "summary": list},
    "function_call": {"call_id": str, "name": str, "arguments": str},
    "function_call_output": {"call_id": str},
    "custom_tool_call": {"call_id": str, "name": str, "input": str},
    "custom_tool_call_output": {"call_id": str},
    "mcp_list_tools": {"id": str, "server_label": str, "tools": list},
    "mcp_approval_request": {"id": str, "server_label": str, "name": str, "arguments": str},
    "mcp_approval_response": {"approval_request_id": str, "approve": bool},
    "mcp_call": {"id": str, "server_label": str, "name": str, "arguments": str},
}
_OPTIONAL: Mapping[str, str] = {
    "message": "id content status phase",
    "reasoning": "content encrypted_content status",
    "function_call": "id caller namespace status",
    "function_call_output": "id output name namespace caller status",
    "custom_tool_call": "id caller namespace status",
    "custom_tool_call_output": "id output name namespace caller status",
    "mcp_list_tools": "error",
    "mcp_approval_request": "",
    "mcp_approval_response": "id reason",
    "mcp_call": "output error status approval_request_id",
}
_OTHER_TYPES = frozenset(
    [
        "file_search_call",
        "computer_call",
        "computer_call_output",
        "web_search_call",
        "tool_search_call",
        "tool_search_output",
        "additional_tools",
        "compaction",
        "compaction_trigger",
        "image_generation_call",
        "code_interpreter_call",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "program",
        "program_output",
    ]
)
_OUTPUT_ONLY = frozenset({"created_by", "parsed", "parsed_arguments"})
_NULL_ID = frozenset({"function_call_output", "custom_tool_call_output", "mcp_approval_response"})
_ROLES = ("user", "assistant", "system", "developer")
_NAMES: Mapping[type, str] = {str: "a string", list: "an array", bool: "a boolean"}


def check_shapes(items: Sequence[Item], inert: Collection[str]) -> None:
    """Raises ApiError at the first item that has not the shape of its type."""
    for index, item in enumerate(items):
        path = f"input[{index}]"
        kind = item.get("type", "message")
        if kind == "item_reference":
            message = f"Item with id '{item.get('id')}' not found. "
            message += "Items are not persisted when `store` is set to false."
            raise ApiError(message, status=404, param="input")
        if kind in _REQUIRED:
            _check_known(item, kind, path)
        elif kind not in _OTHER_TYPES and kind not in inert:
            supported = ", ".join(f"'{name}'" for name in sorted({*_REQUIRED, *_OTHER_TYPES}))
            raise invalid_value(f"{path}.type", kind, supported)
        _refuse_output_only(item, path)


def _check_known(item: Item, kind: str, path: str) -> None:
    required = _REQUIRED[kind]
    for name, expected in required.items():
        if name not in item:
            raise missing_parameter(f"{path}.{name}")
        if not isinstance(item[name], expected):
            raise invalid_type(f"{path}.{name}", _NAMES[expected], item[name])
    for name in item:
        if name != "type" and name not in required and name not in _OPTIONAL[kind].split():
            raise unknown_parameter(f"{path}.{name}")
    if "id" in item and not isinstance(item["id"], str) and not (item["id"] is None and kind in _NULL_ID):
        raise invalid_type(f"{path}.id", "a string", item["id"])
    _check_content(item, kind, path)


def _check_content(item: Item, kind: str, path: str) -> None:
    name = {"message": "content"}.get(kind, "output")
    if kind not in ("message", "function_call_output", "custom_tool_call_output"):
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
