"""What `mcpbridge servers probe` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.core.question import visible

if TYPE_CHECKING:
    from mcpbridge.cli.probing import Probe, ToolCost

ESTIMATE: Final = "characters / 4 of the JSON that a model would see: name, description, parameters"


def as_json(probe: Probe) -> dict[str, Any]:
    """One entry of `servers probe --json`."""
    return {**asdict(probe), "ok": not probe.problem and not probe.skipped, "tokens": probe.tokens}


def report(probes: Sequence[Probe]) -> Iterator[str]:
    """Lines for people."""
    for probe in probes:
        yield f"{probe.label}  {probe.identity}"
        yield from _findings(probe)
    if any(probe.tools for probe in probes if not probe.problem):
        yield f"About {sum(probe.tokens for probe in probes)} tokens in each request; estimated as"
        yield f"{ESTIMATE}."


def _findings(probe: Probe) -> Iterator[str]:
    if probe.problem:
        yield f"  FAILED   {visible(probe.problem, newlines=False)}"
        yield from _tools(probe)  # to choose among, where there are too many
        return
    if probe.skipped:
        yield f"  skipped  {probe.skipped}"
        return
    usable = sum(tool.allowed for tool in probe.tools)
    yield f"  {len(probe.tools)} tools, {usable} allowed, about {probe.tokens} tokens, MCP {probe.protocol}"
    yield from _tools(probe)
    for name in probe.missing:
        shown = visible(name, newlines=False)
        yield f"  MISSING  {shown} is in allowed_tools, and the server has no such tool"
    for name, why in probe.left_out.items():
        yield f"  LEFT OUT {visible(name, newlines=False)}: {visible(why, newlines=False)}"


def _tools(probe: Probe) -> Iterator[str]:
    width = max((len(visible(tool.name, newlines=False)) for tool in probe.tools), default=0)
    for tool in probe.tools:
        yield _tool_line(tool, width)


def _tool_line(tool: ToolCost, width: int) -> str:
    outside = "" if tool.allowed else "  not in allowed_tools"
    return f"    {visible(tool.name, newlines=False):<{width}}  {tool.tokens:>6}{outside}"
