"""Schemas that take for ever: the tool is left out, the result is told as not valid."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp_types import CallToolResult

from mcpbridge.adapters.mcp_servers.output_check import OutputCheck
from mcpbridge.core.action import ToolDefinition
from mcpbridge.engine.fitting import fitting
from mcpbridge.testing import FakeToolbox, message, response
from tests.bridged.scene import Scene
from tests.core.test_core_schema_cost import doubling


@pytest.mark.promise("bridged-schema-cost")
def test_a_tool_whose_schema_takes_for_ever_is_left_out_and_on_record(tmp_path: Path) -> None:
    box = FakeToolbox("search", ToolDefinition(name="slow", input_schema=doubling(40)))
    scene = Scene(folder=tmp_path, boxes={"docs": box}, steps=[response(message("ok"))])

    scene.run("go")

    assert [function["name"] for function in scene.model.raw_requests[0].functions] == ["docs__search"]
    assert scene.records("tools_listed")[0]["left_out"] == {
        "slow": "it takes too long to hold anything against its schema"
    }


@pytest.mark.promise("bridged-schema-cost")
def test_a_result_is_not_held_against_a_schema_that_takes_for_ever() -> None:
    result = CallToolResult(content=[], structured_content={"a": 1})
    assert "takes too long" in OutputCheck().problem(doubling(40), result)
    assert OutputCheck().problem(doubling(4), result) == ""


def test_arguments_that_make_a_schema_costly_do_not_fit() -> None:
    fits = fitting({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}})
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"a": deep}
    assert fits({"a": {}}) is None
    assert "nested too deeply" in (fits(deep) or "")
