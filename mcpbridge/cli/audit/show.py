"""`mcpbridge audit show`: records that pass every filter, or all there is on one decision."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mcpbridge.cli.audit.filters import add_filters, add_index, given, index_of, wanted
from mcpbridge.cli.audit.place import place
from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import Commands, add_config, add_json
from mcpbridge.cli.streams import wants_color
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

_DESCRIPTION: Final = (
    "Prints the records that pass every filter, oldest first (the log's own checkpoints only with --type "
    "checkpoint); or, with an ID, all that the log holds on one decision: what was asked and shown, who "
    "decided and why, the policy of that time, what became of it, and the proof that a checkpoint covers it. "
    "An ID is a record's number or a request's id. An index (`mcpbridge audit index`) makes this quick in a "
    "long log. Verifies nothing else: see `mcpbridge audit verify`."
)
_ID: Final = re.compile(r"[0-9]{1,18}|[a-z]{2,8}_[0-9A-Za-z_-]+")


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "show", help="print records, or all evidence of one decision", description=_DESCRIPTION
    )
    parser.add_argument(
        "words",
        metavar="[ID] [PATH]",
        nargs="*",
        help="one decision; folder or file of the log (default: the configuration's, or audit/)",
    )
    add_config(parser)
    add_filters(parser)
    parser.add_argument("--limit", metavar="N", type=count, help="the last N of them only")
    parser.add_argument("--wide", action="store_true", help="lines in full, also on a terminal")
    parser.add_argument(
        "--identity",
        metavar="FILE",
        action="append",
        default=[],
        help="with an ID: open sealed arguments with this age or SSH key (repeatable)",
    )
    add_index(parser)
    add_json(parser, "each record as one line of JSON; with an ID, one JSON object")
    parser.add_argument("--lnav-format", action="store_true", help="print a format file for lnav, and stop")
    parser.set_defaults(stops_unread=True, run=run_show)


def count(text: str) -> int:
    """A number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count; write a number from 1")
    return int(text)


def split(words: Sequence[str]) -> tuple[str | None, str | None]:
    """The id and the path among the words; what exists as a path is one. Raises UsageError."""
    ids = [word for word in words if _ID.fullmatch(word) and not Path(word).exists()]
    paths = [word for word in words if word not in ids]
    if len(ids) > 1 or len(paths) > 1:
        raise UsageError(
            f"{' '.join(words)!r} is too much; write one ID (such as 17 or mcpr_…), one PATH, or both"
        )
    return next(iter(ids), None), next(iter(paths), None)


def run_show(args: argparse.Namespace) -> int:
    """Print records. Exit 2 where there is no log."""
    if args.lnav_format:
        from mcpbridge.cli.audit.lnav import lnav_format

        print(lnav_format())
        return COMPLETED
    one, args.path = split(args.words)
    if one is not None:
        _refuse_filters(args, one)
    try:
        return _evidence(args, one) if one is not None else _records(args)
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE


def _refuse_filters(args: argparse.Namespace, one: str) -> None:
    beside = [*given(args), *(["--limit"] if args.limit else [])]
    if beside:
        raise UsageError(
            f"{' '.join(beside)} has no meaning beside the ID {one}, which shows all there is on one "
            "decision; leave out the one or the other"
        )


def columns(args: argparse.Namespace) -> int | None:
    """How long a line may be: as the terminal is wide; no limit where nobody looks at one."""
    if args.wide or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def _records(args: argparse.Namespace) -> int:
    from mcpbridge.audit import render_line
    from mcpbridge.audit.index import find

    log = place(args)
    color, width = wants_color(sys.stdout), columns(args)
    shown = False
    with index_of(args, log) as index:
        for record in find(log, wanted(args), index, last=args.limit):
            shown = True
            print(json.dumps(record) if args.json else render_line(record, color=color, width=width))
    if not shown:
        print("mcpbridge: no record passes the filters", file=sys.stderr)
    return COMPLETED


def _evidence(args: argparse.Namespace, one: str) -> int:
    from mcpbridge.audit.review.evidence import evidence
    from mcpbridge.audit.sealed import Opener
    from mcpbridge.cli.audit.evidence_text import as_json, evidence_lines

    log = place(args)
    opener = Opener(log, [Path(name) for name in args.identity]) if args.identity else None
    with index_of(args, log) as index:
        found = evidence(log, one, index, opened=opener.open if opener else None)
    if args.json:
        print(json.dumps(as_json(found)))
    else:
        for line in evidence_lines(found, color=wants_color(sys.stdout), width=columns(args)):
            print(line)
    return COMPLETED
