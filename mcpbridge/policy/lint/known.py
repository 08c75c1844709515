"""What the linter is told about the world: servers, tools, people. It asks nobody itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpbridge.core.action import ToolDefinition
from mcpbridge.policy.glob import Glob
from mcpbridge.policy.lint.globs import reaches

LOCAL = "local"
"""Python functions; who runs them knows them, a policy file does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Servers, tools and people, as far as anybody said."""

    labels: frozenset[str] | None = None
    """Of all servers; None where nobody said which there are."""
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Label → the names of all its tools, for the servers whose tools are known."""
    definitions: Mapping[str, ToolDefinition] = field(default_factory=dict[str, ToolDefinition])
    """`label.tool` → its definition, where it is known."""
    groups: frozenset[str] | None = None
    """All groups of principals; None where nobody said which there are."""
    principal: str = ""
    """On whose behalf the configuration works; empty where nobody said so."""

    @property
    def names(self) -> tuple[str, ...]:
        """`label.tool` of every tool that is known."""
        return tuple(
            f"{label}.{tool}" for label in sorted(self.listed) for tool in sorted(self.listed[label])
        )

    def open_to(self, pattern: str) -> bool:
        """Whether the pattern could match a tool of a server whose tools are not known."""
        if self.labels is None:
            return True
        hidden = (self.labels | {LOCAL}) - self.listed.keys()
        return any(reaches(pattern, label) for label in hidden)

    def matched(self, glob: Glob) -> tuple[str, ...]:
        """The known tools that a pattern matches."""
        return tuple(name for name in self.names if glob.matches(name))

    def field_definitions(self, globs: tuple[Glob, ...]) -> dict[str, ToolDefinition]:
        """The definitions of the tools that a rule names."""
        return {
            name: tool for name, tool in self.definitions.items() if any(glob.matches(name) for glob in globs)
        }
