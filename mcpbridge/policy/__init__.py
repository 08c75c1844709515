"""The policy: a YAML file in, a ruling on each action out. Pure: no I/O, no clock, no randomness.

`load_policy` reads the text of a file, `rule` says what the policies make of one action under the
given facts. docs/policy.md describes the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcpbridge.policy.decide import rule
from mcpbridge.policy.model import Condition, Defaults, Facts, Policy, Rule, Truth, Who

if TYPE_CHECKING:
    from mcpbridge.policy.load import load_policy


def __getattr__(name: str) -> Any:
    """What reads files is loaded with the first file (PEP 562)."""
    if name == "load_policy":
        from mcpbridge.policy.load import load_policy

        return load_policy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["Condition", "Defaults", "Facts", "Policy", "Rule", "Truth", "Who", "load_policy", "rule"]
