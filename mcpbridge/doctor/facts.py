"""From verdicts to a profile: what was measured, by which check, and what was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mcpbridge.config.profiles_model import Profile
from mcpbridge.doctor.verdict import Verdict

KEYS: Final = (
    "hosted_mcp", "approvals_honoured", "authorization_in", "mcp_results", "encrypted_reasoning",
    "allowed_callers",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The profile that follows, and for each key that was measured the check that did."""

    profile: Profile
    by: Mapping[str, str]

    def differences(self, configured: Profile) -> list[tuple[str, bool | str, bool | str]]:
        """(key, configured, measured) of each measured key that is configured otherwise."""
        pairs = [
            (key, getattr(configured, key), getattr(self.profile, key)) for key in KEYS if key in self.by
        ]
        return [pair for pair in pairs if pair[1] != pair[2]]


def gathered(verdicts: Sequence[tuple[str, Verdict]]) -> Measured:
    """Of two checks that disagree about a key, the one that says no is believed."""
    found: dict[str, Any] = {}
    by: dict[str, str] = {}
    for name, verdict in verdicts:
        for key, value in verdict.facts.items():
            if key not in found or value is False:
                found[key], by[key] = value, name
    return Measured(profile=replace(Profile(name="measured", source="mcpbridge doctor"), **found), by=by)
