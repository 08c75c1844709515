"""A policy with its lines: what every check is handed, and how it points at a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcpbridge.core.raw import mapping
from mcpbridge.core.yaml_lines import Document, Path, parse_yaml
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.known import Known
from mcpbridge.policy.model import Condition, Policy, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One policy, and what is known about its surroundings."""

    policy: Policy
    known: Known = field(default_factory=Known)
    document: Document = field(init=False, repr=False)

    def __post_init__(self) -> None:
        document = self.policy.document or parse_yaml(self.policy.text)
        object.__setattr__(self, "document", document)

    def raw(self, index: int) -> Mapping[str, Any]:
        """The rule as it is written."""
        return mapping(mapping(self.document.value)["rules"][index])

    def find(self, check: str, index: int, at: Path, message: str, instead: str) -> Finding:
        """A finding about a rule, at a place below it."""
        return Finding(
            check=check,
            file=self.policy.file,
            line=self.document.line(("rules", index, *at)),
            message=message,
            instead=instead,
            rule_id=self.policy.rules[index].id,
        )

    def when(self, condition: Condition) -> Path:
        """Where a condition stands, below its rule."""
        key = condition.field + ("?" if condition.optional else "")
        return ("when", key)

    def tool(self, number: int) -> Path:
        """Where a pattern of `tools:` stands, below its rule."""
        return ("tools", number)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.policy.rules
