"""What a tool promises of its results, as a client is shown it, and results that keep it.

A client may hold each structured result against the schema that it was shown. The official one raises where a
result that is no error does not fit, or has nothing structured, and whoever called never learns that it ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import mcp_types as types

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.secret import Mask
from mcpbridge.engine.fitting import Fits, UnusableSchema, fitting
from mcpbridge.gateway.calls import Called
from mcpbridge.gateway.content import blocks

_CUT: Final = "the tool ran, but its structured result was too large and is left out; do not repeat the call"
_MISFIT: Final = (
    "the tool ran, but its structured result is left out: it does not fit the output schema that its client "
    "was shown, where credentials are masked; do not repeat the call"
)
_MISFIT_OF_FAILURE: Final = "its structured result does not fit its output schema and is left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A promise that clients are shown."""

    schema: dict[str, Any]
    fits: Fits


def output_of(definition: ToolDefinition, mask: Mask) -> Output | None:
    """None where there is no promise that every client can read: the older protocol knows objects only, and
    one schema of another kind would cost its client the whole list. What such a tool gives comes as text."""
    schema: Mapping[str, Any] | None = mask.value(definition.output_schema)
    if schema is None or schema.get("type") != "object":
        return None
    shown = {key: value for key, value in schema.items() if key != "$schema" or isinstance(value, str)}
    try:
        return Output(schema=shown, fits=fitting(shown))
    except UnusableSchema:
        return None


def result_of(called: Called, output: Output | None) -> types.CallToolResult:
    """What the client gets. Where a promise cannot be kept the result is an error, and says that it ran."""
    structured, problem = called.structured, ""
    if output is not None and structured is None and not called.failed:
        problem = _CUT
    elif output is not None and structured is not None and output.fits(structured) is not None:
        structured, problem = None, _MISFIT_OF_FAILURE if called.failed else _MISFIT
    content = blocks(called.output)
    if problem:
        content.append(types.TextContent(text=f"[mcpbridge: {problem}]"))
    failed = called.failed or bool(problem)
    return types.CallToolResult(content=content, structured_content=structured, is_error=failed)
