"""`mcpbridge audit index`: make the log's index, or bring it up to date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.policy_text import many
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

if TYPE_CHECKING:
    from mcpbridge.audit.index import Built

_DESCRIPTION: Final = (
    "Makes an SQLite index of the log with full-text search, in index/ of the log's folder, or reads what "
    "came since. `show` and `explain` use it; Datasette and other SQLite tools read it as it is. It is "
    "disposable and no evidence: delete it at any time. An index of a log that was cut or replaced is made "
    "anew; of a broken log none is made."
)


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "index", help="make searching a long log quick (SQLite, full text)", description=_DESCRIPTION
    )
    add_place(parser)
    parser.add_argument("--file", metavar="FILE", type=Path, help="another place for the index")
    parser.add_argument("--rebuild", action="store_true", help="make it anew, whatever is there")
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run_index)


def run_index(args: argparse.Namespace) -> int:
    """Build. Exit 2 where there is no log."""
    from mcpbridge.audit.index import build

    if args.file is not None and (not args.file.name or args.file.is_dir()):
        raise UsageError(f"--file {args.file} is a folder; name a file in it, such as audit.sqlite")
    try:
        built = build(place(args), args.file, anew=args.rebuild)
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    print(json.dumps(_as_json(built)) if args.json else _text(built))
    return COMPLETED


def _text(built: Built) -> str:
    what = f"{many(built.records, 'record')}, {built.added} of them new, {built.size / 1e6:.1f} MB"
    why = f"\n  made anew: {built.why}" if built.anew and built.why else ""
    return f"{built.path}: {what}{why}\n  disposable, and no evidence: that is the log alone"


def _as_json(built: Built) -> dict[str, object]:
    return {
        "path": str(built.path),
        "records": built.records,
        "added": built.added,
        "bytes": built.size,
        "rebuilt": built.anew,
        "why": built.why,
    }
