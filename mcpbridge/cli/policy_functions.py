"""Which tool a function's name stands for: `label__tool` of a bridged server, or a Python function."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcpbridge.core.function_names import function_name, label_of, tool_of
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcpbridge.config import Configuration
    from mcpbridge.policy.draft import Toolbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """What is known about the servers behind function names."""

    bridged: frozenset[str] = frozenset()
    """Labels of servers that mcpbridge connects to, whose tools are functions for the model."""
    listed: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    """Label → names of its tools, where somebody listed them."""
    complete: bool = False
    """True where a configuration was read: no other server is bridged."""

    def place(self, function: str, where: str) -> tuple[str, str]:
        """Label and tool, as the live gate would read the name. Raises UsageError where that depends on
        what nobody said: a wrong guess would explain another rule than the one that decides."""
        label = label_of(function)
        if label in self.bridged or (not self.complete and label in self.listed):
            return label, self._tool(label, function, where)
        if not label or self.complete:
            return "local", function
        raise UsageError(
            f"{where}: {function!r} is the tool {tool_of(function)!r} of a bridged server {label!r}, or a "
            f"Python function of that name; say which: give the configuration (-c FILE), or write the call "
            f'as {{"tool": "{label}.{tool_of(function)}", …}} or {{"tool": "local.{function}", …}}'
        )

    def _tool(self, label: str, function: str, where: str) -> str:
        """The tool whose function has this name; what follows the label, where nobody listed the tools."""
        for tool in self.listed.get(label, ()):
            if function_name(label, tool) == function:
                return tool
        tool = tool_of(function)
        if function_name(label, tool) == function or label in self.listed:
            return tool
        raise UsageError(
            f"{where}: the name {function!r} ends in a hash, as that of its tool does not fit, so it does "
            f"not say which tool of {label!r} it stands for; list them (--tools {label}=FILE), or write the "
            f'call as {{"tool": "{label}.TOOL", …}}'
        )


def functions_of(config: Configuration | None, boxes: Sequence[Toolbox]) -> Functions:
    """What a configuration and lists of tools say about function names."""
    listed = {box.label: tuple(tool.name for tool in box.tools) for box in boxes}
    if config is None:
        return Functions(listed=listed)
    from mcpbridge.bridge.bridged import is_bridged

    profile = config.model.profile
    bridged = frozenset(server.label for server in config.servers if is_bridged(server, profile))
    return Functions(bridged=bridged, listed=listed, complete=True)
