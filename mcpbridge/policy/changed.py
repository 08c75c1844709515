"""What became of policy files that changed while a process runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mcpbridge.policy.model import Policy

ALL_SHADOW: Final = "every policy is `mode: shadow`, so none would decide; remove it from one of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesChanged:
    """Files changed: either all of them took effect together, or `problem` says why none did."""

    before: tuple[Policy, ...]
    after: tuple[Policy, ...]
    """The same as `before` where there is a problem."""
    problem: str = ""


def enforcing(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    """Those that decide: all but `mode: shadow`."""
    return tuple(policy for policy in policies if not policy.shadow)


def enforcing_or_all(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    """Those that decide, or where all are `mode: shadow` all of them: what somebody tries out before it
    takes effect."""
    return enforcing(policies) or tuple(policies)


def shadowing(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    """The others, as if they were in force, so that they can be asked what they would say."""
    return tuple(replace(policy, shadow=False) for policy in policies if policy.shadow)
