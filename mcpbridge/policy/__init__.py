"""The policy: a YAML file in, a ruling on each action out. Pure: no I/O, no clock, no randomness.

`load_policy` reads the text of a file, `rule` says what the policies make of one action under the
given facts. docs/policy.md describes the file.
"""

from mcpbridge.policy.decide import rule
from mcpbridge.policy.load import load_policy
from mcpbridge.policy.model import Condition, Defaults, Facts, Policy, Rule, Truth, Who

__all__ = ["Condition", "Defaults", "Facts", "Policy", "Rule", "Truth", "Who", "load_policy", "rule"]
