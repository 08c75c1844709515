"""`mcpbridge audit hold`: legal holds, while which nothing of the log is erased or removed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.audit.writing import add_person, person, with_log
from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.errors import AuditCorrupt, AuditUnavailable

if TYPE_CHECKING:
    from mcpbridge.audit import AuditLog

_DESCRIPTION: Final = (
    "While a hold stands, `audit erase` and `audit retain` refuse, whatever the retention says. Holds are "
    "records of the log: who added and released each, when and why, cannot be changed later."
)


def add(group: Commands) -> None:
    """Declare the commands."""
    parser = group.add_parser(
        "hold", help="legal holds: nothing is erased or removed", description=_DESCRIPTION
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, words, run in (
        ("add", "let a hold stand from now on", run_add),
        ("release", "end a hold", run_release),
    ):
        one = commands.add_parser(name, help=words, description=_DESCRIPTION)
        one.add_argument("name", metavar="NAME", help="such as case-2026-7")
        add_place(one)
        add_person(one, reason="for the record")
        one.set_defaults(run=run)
    listed = commands.add_parser("list", help="the holds that stand", description=_DESCRIPTION)
    add_place(listed)
    add_json(listed, "each as one line of JSON")
    listed.set_defaults(run=run_list)


def run_add(args: argparse.Namespace) -> int:
    """On record from now on."""
    from mcpbridge.audit.holds import add_hold

    async def work(log: AuditLog, directory: Path) -> None:
        await add_hold(log, directory, args.name, by=person(args), reason=args.reason)

    with_log(args, work)
    print(f"the hold {args.name} stands: nothing of this log is erased or removed until it is released")
    return COMPLETED


def run_release(args: argparse.Namespace) -> int:
    """The same for its end."""
    from mcpbridge.audit.holds import release_hold

    async def work(log: AuditLog, directory: Path) -> None:
        await release_hold(log, directory, args.name, by=person(args), reason=args.reason)

    with_log(args, work)
    print(f"the hold {args.name} is released")
    return COMPLETED


def run_list(args: argparse.Namespace) -> int:
    """Those that stand."""
    from mcpbridge.audit.holds import holds
    from mcpbridge.core.question import visible

    try:
        found = holds(place(args))
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    for hold in found:
        print(json.dumps(hold._asdict()) if args.json else visible(str(hold), newlines=False))
    if not found and not args.json:
        print("no hold stands")
    return COMPLETED
