"""`mcpbridge policy`: check, test, explain, replay and draft policies."""

from __future__ import annotations

from mcpbridge.cli import policy_check, policy_draft, policy_explain, policy_replay, policy_test
from mcpbridge.cli.parsing import Commands


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add_parser(
        "policy",
        help="check, test, explain, replay and draft policies",
        description="Looks at policy files: what is questionable in them, what they decide and why.",
    )
    group = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (policy_check, policy_test, policy_explain, policy_replay, policy_draft):
        module.add(group)
