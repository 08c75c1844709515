"""`mcpbridge audit`: reading the log of decisions back, checking it, and signing off what was read."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from mcpbridge.cli.audit.place import PlaceAnywhere
from mcpbridge.cli.parsing import Commands

COMMANDS: Final = (
    "show", "tail", "explain", "reconcile", "signoff", "index", "verify", "report", "export",
    "hash", "erase", "hold", "retain", "keys",
)  # fmt: skip
"""Modules of this package, in the order of `--help`. Each has `add(group)`, which must stay light."""


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add_parser(
        "audit",
        help="show the log of decisions, explain, verify, sign off, export it",
        description="Reads the log of decisions and outcomes. What some commands write (a sign-off, a hold, "
        "an erasure, a key rotation) is one more record of the log. None changes a record; `retain` removes "
        "whole old segments, on record.",
    )
    group = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=PlaceAnywhere
    )
    for name in COMMANDS:
        import_module(f"mcpbridge.cli.audit.{name}").add(group)
