"""`mcpbridge audit erase`: destroy the keys of sealed records, so that nobody can read them any more."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.audit.writing import add_person, person, with_log
from mcpbridge.cli.exits import COMPLETED, FAILED
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.policy_text import many
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.audit import AuditLog
    from mcpbridge.audit.erase import Erasure, Selector

_DESCRIPTION: Final = (
    "Destroys the keys of the sealed records that fit, on record before and after. No line changes, and the "
    "chain still verifies. What a line keeps readable (levels arguments and full) cannot be erased and is "
    "counted. Refused under a legal hold. Backups of sealed/ keep their keys: erase those too. Without --yes "
    "nothing is changed, and you see what would be. Exit codes: 0 done, 1 where something that fits stays "
    "readable, 2 usage or a hold."
)


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "erase", help="make sealed records unreadable for ever", description=_DESCRIPTION
    )
    add_place(parser)
    parser.add_argument("--record", metavar="SEQ", type=int, help="one record, by its number")
    parser.add_argument("--request", metavar="ID", help="all records of one request, mcpr_… or call_…")
    parser.add_argument("--conversation", metavar="ID", help="all records of one conversation, conv_…")
    parser.add_argument("--principal", metavar="NAME", help="all records on behalf of one principal")
    add_person(parser, reason="for the record")
    parser.add_argument("--yes", action="store_true", help="do it; else only say what would be done")
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Erase, or say what would be."""
    from mcpbridge.audit.erase import erasable, erase

    chosen = _selector(args)
    if not args.yes:
        found = erasable(place(args), chosen)
        _print(found, args, done=False)
        return COMPLETED if found.found else FAILED

    async def work(log: AuditLog, directory: Path) -> Erasure:
        return await erase(log, directory, chosen, by=person(args), reason=args.reason)

    found = with_log(args, work)
    _print(found, args, done=True)
    return COMPLETED if found.found and not found.readable else FAILED


def _selector(args: argparse.Namespace) -> Selector:
    from mcpbridge.audit.erase import Selector

    chosen = Selector(
        record=args.record,
        request_id=args.request,
        conversation_id=args.conversation,
        principal=args.principal,
    )
    if not chosen.fields:
        raise UsageError("say which records: --record, --request, --conversation or --principal")
    return chosen


def _print(found: Erasure, args: argparse.Namespace, *, done: bool) -> None:
    if args.json:
        counts: dict[str, Any] = {**asdict(found), "done": done}
        print(json.dumps(counts))
        return
    what = "destroyed" if done else "to be destroyed"
    print(f"{many(len(found.keys), 'key')} of sealed records {what}; {found.gone} were gone already")
    if found.readable:
        print(
            f"{many(found.readable, 'record')} with arguments or results that are readable in the line: "
            "those cannot be erased without breaking the chain; give such tools the level sealed from now on"
        )
    if not found.found:
        print("mcpbridge: no record fits", file=sys.stderr)
    elif not done and found.keys:
        print("nothing was changed; say --yes to do it")
