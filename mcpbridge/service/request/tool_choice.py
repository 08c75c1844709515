"""`tool_choice`: which tools the model may call, and whether it must. Checked against `tools`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mcpbridge.service.errors import (
    ApiError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unknown_parameter,
)
from mcpbridge.service.wire import Item, is_list, is_object

_PATH = "tool_choice"
_NAMED: Mapping[str, tuple[str, ...]] = {
    "function": ("name",),
    "custom": ("name",),
    "mcp": ("server_label",),
}
"""The fields that name a tool of a kind; every other kind is named by its type alone."""
_BUILT_IN = (
    "file_search",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "computer",
    "computer_use",
    "computer_use_preview",
    "image_generation",
    "code_interpreter",
    "programmatic_tool_calling",
    "apply_patch",
    "shell",
    "local_shell",
)
_FORMS = "'none', 'auto', 'required' or an object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A tool that is named: a function, a custom tool, a tool of an MCP server (name None: any of it)."""

    kind: str
    name: str | None = None
    server_label: str | None = None

    def covers(self, called: Chosen) -> bool:
        same_place = (self.kind, self.server_label) == (called.kind, called.server_label)
        return same_place and self.name in (None, called.name)

    def __str__(self) -> str:
        parts = (self.server_label, self.name) if self.kind == "mcp" else (self.name or self.kind,)
        return ".".join(part for part in parts if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """`tools`: the only ones that may be called; None: all that are declared."""

    mode: Literal["none", "auto", "required"] = "auto"
    tools: tuple[Chosen, ...] | None = None

    def allows(self, called: Chosen) -> bool:
        if self.mode == "none":
            return False
        return self.tools is None or any(tool.covers(called) for tool in self.tools)

    @property
    def must_call(self) -> bool:
        return self.mode == "required"


def read_tool_choice(value: object, tools: Sequence[Item]) -> ToolChoice:
    """Raises ApiError."""
    if value is None:
        return ToolChoice()
    if is_object(value):
        return _read_object(value, tools)
    if value not in ("none", "auto", "required"):
        raise invalid_value(_PATH, value, _FORMS)
    if value == "required" and not tools:
        raise ApiError(f"Tool choice '{value}' must be specified with 'tools' parameter.", param=_PATH)
    return ToolChoice(mode=value)


def _read_object(value: Item, tools: Sequence[Item]) -> ToolChoice:
    if value.get("type") != "allowed_tools":
        return ToolChoice(mode="required", tools=(_read_tool(value, _PATH, tools),))
    _only(value, ("mode", "tools"), _PATH)
    mode: object = value.get("mode")
    listed: object = value.get("tools")
    if mode is None or listed is None:
        raise missing_parameter(f"{_PATH}.{'mode' if mode is None else 'tools'}")
    if mode not in ("auto", "required"):
        raise invalid_value(f"{_PATH}.mode", mode, "'auto' and 'required'")
    if not is_list(listed):
        raise invalid_type(f"{_PATH}.tools", "an array", listed)
    chosen = (_read_tool(tool, f"{_PATH}.tools[{index}]", tools) for index, tool in enumerate(listed))
    return ToolChoice(mode="auto" if mode == "auto" else "required", tools=tuple(chosen))


def _read_tool(value: object, path: str, tools: Sequence[Item]) -> Chosen:
    if not is_object(value):
        raise invalid_type(path, "an object", value)
    kind: object = value.get("type")
    if kind is None:
        raise missing_parameter(f"{path}.type")
    if not isinstance(kind, str) or (kind not in _NAMED and kind not in _BUILT_IN):
        supported = ", ".join(f"'{name}'" for name in (*_NAMED, "allowed_tools", *_BUILT_IN))
        raise invalid_value(f"{path}.type", kind, supported)
    needed = _NAMED.get(kind, ())
    _only(value, (*needed, "name") if kind == "mcp" else needed, path)
    for name in needed:
        if not isinstance(value.get(name), str):
            raise missing_parameter(f"{path}.{name}")
    if not (value.get("name") is None or isinstance(value["name"], str)):
        raise invalid_type(f"{path}.name", "a string", value["name"])
    chosen = Chosen(kind=kind, name=value.get("name"), server_label=value.get("server_label"))
    if not any(_declares(tool, chosen) for tool in tools):
        raise ApiError(f"Tool choice '{chosen}' not found in 'tools' parameter.", param=_PATH)
    return chosen


def _only(value: Item, known: Sequence[str], path: str) -> None:
    for name in value:
        if name != "type" and name not in known:
            raise unknown_parameter(f"{path}.{name}")


def _declares(tool: Item, chosen: Chosen) -> bool:
    if tool.get("type") != chosen.kind:
        return chosen.kind == "computer_use" and tool.get("type") in ("computer", "computer_use_preview")
    if chosen.kind == "mcp":
        return tool.get("server_label") == chosen.server_label
    return chosen.name is None or tool.get("name") == chosen.name
