"""Short ways to a policy and to what the linter finds in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcpbridge.core.action import ToolDefinition
from mcpbridge.policy.draft import Toolbox
from mcpbridge.policy.lint import Finding, Known, lint
from tests.policy.calls import policy

TEXT = {"type": "string"}
NUMBER = {"type": "number"}


def found(rules: str, known: Known | None = None, defaults: str = "{decision: ask}") -> list[Finding]:
    """All findings but those about missing examples."""
    return [one for one in lint(policy(rules, defaults=defaults), known) if one.check != "no-examples"]


def known_of(boxes: Sequence[Toolbox]) -> Known:
    """The tools of toolboxes, as the command line would make them known."""
    return Known(
        labels=frozenset(box.label for box in boxes),
        listed={box.label: frozenset(tool.name for tool in box.tools) for box in boxes},
        definitions={f"{box.label}.{tool.name}": tool for box in boxes for tool in box.tools},
    )


def world(**servers: dict[str, dict[str, Any]]) -> Known:
    """Label → tool → properties of its arguments."""
    return Known(
        labels=frozenset(servers),
        groups=frozenset({"treasury"}),
        principal="ana",
        listed={label: frozenset(tools) for label, tools in servers.items()},
        definitions={
            f"{label}.{name}": ToolDefinition(
                name=name, input_schema={"type": "object", "properties": properties}
            )
            for label, tools in servers.items()
            for name, properties in tools.items()
        },
    )
