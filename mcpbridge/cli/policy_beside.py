"""What decides a live call besides the rules, and is not part of `explain`, `test` and `replay`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mcpbridge.cli.policy_text import wrapped

if TYPE_CHECKING:
    from mcpbridge.policy import Policy


def beside(policies: Sequence[Policy]) -> list[str]:
    """The sections of these policies that depend on more than one call, and the freeze."""
    found = {
        "limits": any(policy.limits for policy in policies),
        "grants": any(policy.grants is not None for policy in policies),
        "approvers": any(policy.approvers for policy in policies),
        "pins": any(policy.pins is not None for policy in policies),
    }
    return [*(name for name, there in found.items() if there), "freeze"]


def note(policies: Sequence[Policy]) -> Iterator[str]:
    """A sentence about them, where the policies have any."""
    *sections, _ = beside(policies)
    if sections:
        names = ", ".join(sections)
        text = f"Not looked at: {names}, and whether all is frozen; these depend on more than one call."
        yield from wrapped(text)
