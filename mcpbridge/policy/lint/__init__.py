"""The linter of policies: pure, and sound where it says that a rule or condition does nothing."""

from mcpbridge.policy.lint.finding import CHECKS, Check, Finding, Level
from mcpbridge.policy.lint.known import LOCAL, Known
from mcpbridge.policy.lint.lint import from_problem, lint

__all__ = ["CHECKS", "LOCAL", "Check", "Finding", "Known", "Level", "from_problem", "lint"]
