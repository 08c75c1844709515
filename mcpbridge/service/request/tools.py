"""The `tools` of a request: function and mcp declarations, approval and tool filters."""

from __future__ import annotations

from collections.abc import Sequence
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
from mcpbridge.service.wire import Item, is_list, is_object

# FunctionTool and MCPTool of the published API description.
_FUNCTION = frozenset(
    [
        "type",
        "name",
        "description",
        "parameters",
        "output_schema",
        "strict",
        "defer_loading",
        "allowed_callers",
    ]
)
_MCP = frozenset(
    [
        "type",
        "server_label",
        "server_url",
        "connector_id",
        "tunnel_id",
        "authorization",
        "server_description",
        "headers",
        "allowed_tools",
        "allowed_callers",
        "require_approval",
        "defer_loading",
    ]
)
_INERT = frozenset(
    [
        "custom",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "file_search",
        "code_interpreter",
        "image_generation",
        "computer",
        "computer_use_preview",
        "local_shell",
        "shell",
        "apply_patch",
        "tool_search",
        "namespace",
        "programmatic_tool_calling",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFilter:
    """`{tool_names, read_only}`: a part that is missing lets everything through."""

    tool_names: frozenset[str] | None = None
    read_only: bool | None = None

    def matches(self, tool: Item) -> bool:
        if self.tool_names is not None and str(tool.get("name")) not in self.tool_names:
            return False
        return self.read_only is None or claims_read_only(tool) is self.read_only


@dataclass(frozen=True, slots=True, kw_only=True)
class McpDeclaration:
    """One declared MCP server, with the credentials that came in this request and are kept nowhere."""

    label: str
    url: str
    headers: dict[str, str] = field(repr=False)
    allowed: ToolFilter
    always: ToolFilter | None
    never: ToolFilter | None

    @property
    def trusts_annotations(self) -> bool:
        """Whether a filter goes by what the server says of a tool: a client's word for it counts nothing."""
        return any(one and one.read_only is not None for one in (self.allowed, self.always, self.never))

    def asks_before(self, tool: Item) -> bool:
        """Doubt asks: a tool that both filters name, or neither of two, waits for a person."""
        if self.always is not None and self.always.matches(tool):
            return True
        if self.never is not None:
            return not self.never.matches(tool)
        return self.always is None


def claims_read_only(tool: Item) -> bool:
    annotations: object = tool.get("annotations")
    return is_object(annotations) and annotations.get("readOnlyHint") is True


def read_tools(tools: Sequence[object], quirks: Quirks) -> tuple[McpDeclaration, ...]:
    """The declared MCP servers, in order. Raises ApiError."""
    servers: list[McpDeclaration] = []
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if not is_object(tool):
            raise invalid_type(path, "an object", tool)
        kind: object = tool.get("type")
        if kind == "mcp":
            servers.append(_read_mcp(tool, path, quirks))
        elif kind == "function":
            _check_function(tool, path)
        elif not (isinstance(kind, str) and kind in _INERT):
            raise invalid_value(f"{path}.type", kind, ", ".join(sorted({"function", "mcp", *_INERT})))
    _refuse_twins([server.label for server in servers])
    return tuple(servers)


def _refuse_twins(labels: Sequence[str]) -> None:
    for label in labels:
        if labels.count(label) > 1:
            raise ApiError(f"Duplicate server_label '{label}' in tools.", param="tools", code="invalid_value")


def _check_function(tool: Item, path: str) -> None:
    _check_names(tool, _FUNCTION, path)
    if not isinstance(tool.get("name"), str):
        raise missing_parameter(f"{path}.name")


def _check_names(tool: Item, known: frozenset[str], path: str) -> None:
    for name in tool:
        if name not in known:
            raise unknown_parameter(f"{path}.{name}")


def _read_mcp(tool: Item, path: str, quirks: Quirks) -> McpDeclaration:
    _check_names(tool, _MCP, path)
    for elsewhere in ("connector_id", "tunnel_id"):
        if tool.get(elsewhere) is not None:
            raise unsupported(f"{path}.{elsewhere}", "it reaches MCP servers by `server_url` only.")
    for required in ("server_label", "server_url"):
        if not isinstance(tool.get(required), str):
            raise missing_parameter(f"{path}.{required}")
    always, never = _read_approval(tool.get("require_approval"), f"{path}.require_approval", quirks)
    allowed = _read_allowed(tool.get("allowed_tools"), f"{path}.allowed_tools")
    return McpDeclaration(
        label=tool["server_label"],
        url=tool["server_url"],
        headers=_read_headers(tool, path, quirks),
        allowed=ToolFilter() if Quirk.ALLOWED_TOOLS_IGNORED in quirks else allowed,
        always=always,
        never=never,
    )


def _read_headers(tool: Item, path: str, quirks: Quirks) -> dict[str, str]:
    declared: object = tool.get("headers")
    headers = {str(name): str(value) for name, value in declared.items()} if is_object(declared) else {}
    names = {name.lower() for name in headers}
    if "authorization" in names and Quirk.AUTHORIZATION_IN_HEADERS_REFUSED in quirks:
        message = "Authorization header cannot be passed in 'headers'. Use the 'authorization' parameter."
        raise ApiError(message, param=f"{path}.headers", code="invalid_value")
    token: object = tool.get("authorization")
    if isinstance(token, str):
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _read_allowed(value: object, path: str) -> ToolFilter:
    if value is None:
        return ToolFilter()
    if is_list(value):
        return ToolFilter(tool_names=frozenset(str(name) for name in value))
    return _read_filter(value, path)


def _read_filter(value: object, path: str) -> ToolFilter:
    if not is_object(value):
        raise invalid_type(path, "an object", value)
    _check_names(value, frozenset({"tool_names", "read_only"}), path)
    names: object = value.get("tool_names")
    read_only: object = value.get("read_only")
    if not (names is None or is_list(names)) or not (read_only is None or isinstance(read_only, bool)):
        raise invalid_type(path, "an object with tool_names and read_only", value)
    tool_names = frozenset(str(name) for name in names) if is_list(names) else None
    return ToolFilter(tool_names=tool_names, read_only=read_only if isinstance(read_only, bool) else None)


def _read_approval(value: object, path: str, quirks: Quirks) -> tuple[ToolFilter | None, ToolFilter | None]:
    """(always, never); a missing or null require_approval asks always."""
    if value is None:
        value = "never" if Quirk.NEVER_BY_DEFAULT in quirks else "always"
    if value in ("always", "never"):
        always, never = (ToolFilter(), None) if value == "always" else (None, ToolFilter())
    elif is_object(value):
        _check_names(value, frozenset({"always", "never"}), path)
        always = _read_filter(value["always"], f"{path}.always") if "always" in value else None
        never = _read_filter(value["never"], f"{path}.never") if "never" in value else None
        if Quirk.APPROVAL_FILTERS_IGNORED in quirks:
            always, never = (ToolFilter(), None) if always else (None, ToolFilter())
    else:
        raise invalid_value(path, value, "'always', 'never' or an object")
    return (None, ToolFilter()) if Quirk.APPROVALS_IGNORED in quirks else (always, never)
