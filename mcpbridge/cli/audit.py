"""`mcpbridge audit show` and `mcpbridge audit verify`: reading the log back, and checking it."""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config, add_json
from mcpbridge.cli.streams import wants_color
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

if TYPE_CHECKING:
    from mcpbridge.audit import Verification

_DEFAULT_PATH: Final = Path("audit")
_VERIFY: Final = (
    "Checks every record, the chain between them and every text they refer to. Exit codes: 0 sealed (not in "
    "this version: it needs checkpoints), 3 unsealed: intact, but its end is not anchored anywhere, "
    "1 tampered, 2 nothing to check. Bytes after the last whole line are an unfinished record (a crash, or a "
    "writer at work) and no tampering: exit 3."
)


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add_parser(
        "audit",
        help="show the log of decisions, or verify it",
        description="Reads the log of decisions and outcomes. Nothing here writes to it.",
    )
    group = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_show(group)
    verify = group.add_parser("verify", help="find out whether the log was changed", description=_VERIFY)
    _add_place(verify)
    add_json(verify, "one JSON object instead of text")
    verify.set_defaults(run=run_verify)


def _add_show(group: Commands) -> None:
    parser = group.add_parser(
        "show",
        help="print records, one a line",
        description="Prints the records that pass every filter, oldest first. Does not verify them.",
    )
    _add_place(parser)
    parser.add_argument("--denied", action="store_true", help="decisions that kept a call from running")
    parser.add_argument("--human", action="store_true", help="what a person decided or let time out")
    parser.add_argument("--tool", metavar="GLOB", help="label.tool, or the tool alone; * and ? are allowed")
    parser.add_argument("--principal", metavar="NAME", help="on whose behalf the model acted")
    parser.add_argument("--run", metavar="ID", dest="run_id", help="one run, run_…")
    parser.add_argument("--conversation", metavar="ID", help="one conversation, conv_…")
    parser.add_argument("--request", metavar="ID", help="one request, mcpr_… or call_…")
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help="2026-11-21, 2026-11-21T08:00+01:00 (UTC without a zone), or 15m, 7d ago",
    )
    parser.add_argument("--type", metavar="TYPE", action="append", help="such as decision; may be repeated")
    parser.add_argument("--limit", metavar="N", type=_count, help="the last N of them only")
    add_json(parser, "each record as one line of JSON")
    parser.set_defaults(run=run_show)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        help="folder or file of the log (default: the configuration's, or audit/)",
    )
    add_config(parser)


def run_show(args: argparse.Namespace) -> int:
    """Print records. Exit 2 where there is no log."""
    from mcpbridge.audit import render_line

    color = wants_color(sys.stdout)
    shown = False
    try:
        for record in _last(_records(args), args.limit):
            shown = True
            print(json.dumps(record) if args.json else render_line(record, color=color))
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    if not shown:
        print("mcpbridge: no record passes the filters", file=sys.stderr)
    return COMPLETED


def run_verify(args: argparse.Namespace) -> int:
    """Verify the log; the exit code is the verdict's."""
    from mcpbridge.audit import verify

    result = verify(_place(args))
    print(json.dumps(_as_json(result)) if args.json else result)
    return result.exit_code


def _records(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from mcpbridge.audit import read

    return read(
        _place(args),
        denied=args.denied,
        human=args.human,
        tool=args.tool,
        principal=args.principal,
        run=args.run_id,
        since=None if args.since is None else since(args.since, now=datetime.now(UTC)),
        conversation=args.conversation,
        request_id=args.request,
        types=None if args.type is None else [_type(name) for name in args.type],
    )


def _last(records: Iterator[dict[str, Any]], limit: int | None) -> Iterator[dict[str, Any]]:
    return records if limit is None else iter(deque(records, maxlen=limit))


def _place(args: argparse.Namespace) -> Path:
    """The log that is meant: given, the configuration's, or `audit/` here."""
    if args.path is not None:
        return Path(args.path)
    if args.config is None and not Path(DEFAULT_CONFIG).exists():
        return _DEFAULT_PATH
    from mcpbridge.config import load_config

    return load_config(args.config or DEFAULT_CONFIG).audit.path


def since(text: str, *, now: datetime) -> datetime:
    """A date, a time, or how long ago; UTC where no zone is given. Raises UsageError."""
    from mcpbridge.config.duration import parse_duration

    try:
        return now - timedelta(seconds=parse_duration(text))
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--since {text!r} is no time; write 2026-11-21, 2026-11-21T08:00+01:00, or a duration: 2h, 7d"
        ) from None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def _type(name: str) -> str:
    from mcpbridge.audit import RecordType

    known = [kind.value for kind in RecordType]
    if name not in known:
        raise UsageError(f"--type {name!r} is no type of record; there are: {', '.join(known)}")
    return name


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count; write a number from 1")
    return int(text)


def _as_json(result: Verification) -> dict[str, Any]:
    return {
        "path": str(result.path),
        "status": result.status.value,
        "exit_code": result.exit_code,
        "records": result.records,
        "head": result.head,
        "flaws": [{"line": f.line, "kind": f.kind.value, "message": f.message} for f in result.flaws],
        "flaw_count": result.flaw_count,
        "unfinished_bytes": result.unfinished,
        "problem": result.problem,
    }
