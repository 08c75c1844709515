"""What a log keeps of the calls it is told about: levels, declared secrets, who may open what is sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from mcpbridge.audit.declared import Declared, DeclaredSecrets
from mcpbridge.audit.levels import Level, Levels
from mcpbridge.audit.sealed import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Chosen once, when a log is opened."""

    levels: Levels = field(default_factory=Levels)
    declared: Declared = field(default_factory=Declared)
    sealer: Sealer | None = None
    """There when some tool is `sealed`."""

    @classmethod
    def of(
        cls,
        *,
        levels: Mapping[str, str] | None = None,
        allow_full: bool = False,
        secrets: Iterable[DeclaredSecrets] = (),
        recipients: Iterable[str] = (),
    ) -> Self:
        """Raises UsageError for a level that does not exist or is not allowed, for a recipient that is none,
        and where a level needs an extra that is not installed."""
        chosen = Levels(levels, allow_full=allow_full)
        sealer = Sealer(recipients) if any(True for _ in chosen.sealed) else None
        return cls(levels=chosen, declared=Declared(secrets), sealer=sealer)

    def keeps_results(self, tool: str) -> bool:
        """Whether what came back from `label.tool` is kept whole."""
        return self.levels.of(tool) is Level.FULL
