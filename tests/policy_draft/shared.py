"""Short ways to a draft."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.ruling import Effect
from mcpbridge.policy import Facts, Policy, load_policy, rule
from mcpbridge.policy.draft import Judged, Toolbox, draft, judge_tool
from tests.policy.calls import call

LISTS: Final = Path(__file__).parent / "lists"
TEXT: Final = {"type": "string"}
TEXTS: Final = {"type": "array", "items": TEXT}
NUMBER: Final = {"type": "number"}


def tool(
    name: str, required: Mapping[str, Any] | None = None, description: str = "", **more: Any
) -> ToolDefinition:
    """`more` are optional parameters; `annotations` are the tool's."""
    annotations = more.pop("annotations", {})
    schema = {
        "type": "object",
        "properties": {**(required or {}), **more},
        "required": list(required or {}),
    }
    return ToolDefinition(name=name, description=description, input_schema=schema, annotations=annotations)


def judged(
    name: str, required: Mapping[str, Any] | None = None, description: str = "", **more: Any
) -> Judged:
    return judge_tool("x", tool(name, required, description, **more))


def drafted(*tools: ToolDefinition) -> Policy:
    return load_policy(draft([Toolbox(label="x", source="test", tools=tools)]), file="draft.yaml")


def effect(policy: Policy, name: str, arguments: Mapping[str, Any], said: str = "") -> Effect:
    facts = Facts(principal="ana", user_texts=(said,) if said else ())
    return rule(call(f"x.{name}", arguments), [policy], facts).effect
