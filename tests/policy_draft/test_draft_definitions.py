"""Tool definitions in the forms in which people have them, and what is said about anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcpbridge.policy.draft import DefinitionsUnreadable, read_definitions

MCP: dict[str, Any] = {
    "name": "get_x",
    "description": "Get x.",
    "inputSchema": {"type": "object", "properties": {"id": {}}},
}
FUNCTION: dict[str, Any] = {
    "type": "function",
    "name": "get_x",
    "description": "Get x.",
    "parameters": MCP["inputSchema"],
}
CHAT: dict[str, Any] = {
    "type": "function",
    "function": {key: value for key, value in FUNCTION.items() if key != "type"},
}
HOSTED: dict[str, Any] = {"name": "get_x", "description": "Get x.", "input_schema": MCP["inputSchema"]}
PROBE: dict[str, Any] = {
    "servers": [{"label": "crm", "identity": "https://crm.example/mcp", "tools": [{"definition": MCP}]}]
}


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ({"tools": [MCP]}, "my-tools"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"tools": [MCP]}}, "my-tools"),
        ([MCP], "my-tools"),
        ({"type": "mcp_list_tools", "tools": [HOSTED]}, "my-tools"),
        ([FUNCTION], "local"),
        ({"tools": [CHAT]}, "local"),
        (PROBE, "crm"),
    ],
)
def test_every_form_of_a_tool_list_is_read(value: Any, label: str) -> None:
    [box] = read_definitions(json.dumps(value), file="dir/my tools.json")
    [tool] = box.tools
    assert (box.label, tool.name, tool.description) == (label, "get_x", "Get x.")
    assert tool.input_schema == MCP["inputSchema"]


def test_a_label_can_be_given() -> None:
    [box] = read_definitions(json.dumps([FUNCTION]), file="f.json", label="crm")
    assert box.label == "crm"


def test_tools_that_the_configuration_does_not_allow_are_left_out() -> None:
    tools = [{"definition": MCP, "allowed": False}, {"definition": {**MCP, "name": "get_y"}, "allowed": True}]
    [box] = read_definitions(json.dumps({"servers": [{"label": "crm", "tools": tools}]}), file="p.json")
    assert [tool.name for tool in box.tools] == ["get_y"]


@pytest.mark.parametrize(
    ("text", "label", "says"),
    [
        ("{", None, "t.json, line 1: not JSON"),
        ("7", None, "no tools in it"),
        ('{"tools": 7}', None, "no tools in it"),
        ('{"tools": []}', None, "its list of tools is empty"),
        ('{"tools": [{"description": "x"}]}', None, "tools[0] has no `name`"),
        ('{"tools": [7]}', None, "tools[0] has no `name`"),
        (json.dumps([MCP, MCP]), None, "two tools are called 'get_x'"),
        (json.dumps([MCP]), "a b", "'a b' is no label"),
        (json.dumps(PROBE), "crm", "leave out --label"),
        ('{"servers": [{"label": "crm"}]}', None, "servers[0] has no `label` and `tools`"),
        ('{"servers": [{"label": "crm", "tools": []}]}', None, "the probe found no tool"),
        ('{"servers": [{"label": "crm", "tools": [{"name": "x", "tokens": 3}]}]}', None, "probe again"),
        (json.dumps({"servers": PROBE["servers"] * 2}), None, "two servers have the same label"),
        ("[" * 100_000, None, "not JSON"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_write(text: str, label: str | None, says: str) -> None:
    with pytest.raises(DefinitionsUnreadable) as caught:
        read_definitions(text, file="t.json", label=label)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
