"""`mcpbridge audit hash`: did this value ever occur, also where it is hidden?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.audit.place import add_place
from mcpbridge.cli.audit.writing import audit_config
from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.policy_text import many
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

if TYPE_CHECKING:
    from collections import Counter

    from mcpbridge.audit.hashed import Occurrence, Search
    from mcpbridge.config import AuditConfig
    from mcpbridge.core.secret import Secret

_DESCRIPTION: Final = (
    "Looks for a value in clear, and for its HMAC under every key of the log, retired ones too. The value is "
    "read from standard input, one line, so that no shell remembers it; or from the argument --value. It is "
    "not printed. Exit codes: 0 it occurred, 1 nothing was found, 2 usage or no log. Where records hold what "
    "nobody can look into, that is said."
)

_NAMED: Final = 3
"""Records named that say why a key is gone."""


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "hash", help="did this value ever occur, also where hidden?", description=_DESCRIPTION
    )
    add_place(parser)
    parser.add_argument("--value", metavar="TEXT", help="the value (default: a line of standard input)")
    parser.add_argument(
        "--identity", metavar="FILE", action="append", default=[], help="opens sealed records too"
    )
    add_json(parser, "each record as one line of JSON, then one line with counts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print each record that holds the value."""
    from mcpbridge.audit.hashed import Search
    from mcpbridge.audit.keys import hiding_keys
    from mcpbridge.audit.sealed import Opener

    config = audit_config(args)
    value = _value(args)
    opener = Opener(config.path, [Path(name) for name in args.identity]) if args.identity else None
    try:
        keys = hiding_keys(config.path, source=_source(config))
        search = Search(config.path, value, keys=keys, opener=opener)
        count = 0
        for found in search.found():
            count += 1
            print(json.dumps(found._asdict()) if args.json else _line(found))
    except AuditCorrupt:
        raise
    except (AuditUnavailable, OSError) as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    if args.json:
        print(json.dumps({"records": count, "keys": list(keys), "silent": search.silent}))
    else:
        print(_summary(count, len(keys), search.silent, _erased(config.path, search)), file=sys.stderr)
    return COMPLETED if count else FAILED


def _value(args: argparse.Namespace) -> str:
    if args.value is not None:
        return str(args.value)
    if sys.stdin.isatty():
        print("The value, then Enter:", file=sys.stderr)
    value = sys.stdin.readline().rstrip("\r\n")
    if not value:
        raise UsageError("no value was given; write it to standard input, or say --value TEXT")
    return value


def _source(config: AuditConfig) -> Secret | None:
    from mcpbridge.config import process_sources

    return None if config.hmac_key is None else config.hmac_key.resolve(process_sources())


def _line(found: Occurrence) -> str:
    from mcpbridge.core.question import visible

    when = found.ts[:19].replace("T", " ")
    text = f"{found.seq:>6}  {when}Z  {found.type}  {found.tool}  {found.found}  {found.request_id}"
    return visible(text, newlines=False)


def _erased(log: Path, search: Search) -> str:
    """What became of the keys that are gone."""
    if not search.gone:
        return ""
    from mcpbridge.audit.erase import erasures

    known = erasures(log)
    seqs = sorted({known[key] for key in search.gone if key in known})
    if len(seqs) > _NAMED:
        said = f"records {', '.join(map(str, seqs[:_NAMED]))} and others"
    else:
        said = f"record{'s' * (len(seqs) != 1)} {', '.join(map(str, seqs))}"
    why = [f"erased ({said})"] if seqs else []
    missing = len(search.gone - set(known))
    return " or ".join(
        [*why, *(["gone without a record of it, see `mcpbridge audit verify`"] if missing else [])]
    )


def _summary(count: int, keys: int, silent: Counter[str], erased: str) -> str:
    found = f"{many(count, 'record')} {'holds' if count == 1 else 'hold'} this value"
    what = found if count else "this value was not found"
    parts = [f"{what} (searched in clear, and hidden under {many(keys, 'key')})"]
    if sealed := silent["sealed"]:
        were = "was" if sealed == 1 else "were"
        parts.append(f"{many(sealed, 'sealed record')} {were} not opened: --identity FILE opens what it may")
    if gone := silent["gone"]:
        its = "its key was" if gone == 1 else "their keys were"
        parts.append(f"{many(gone, 'sealed record')} can be opened by nobody: {its} {erased}")
    if none := silent["none"]:
        parts.append(f"{many(none, 'record')} {'keeps' if none == 1 else 'keep'} no arguments (level none)")
    return "\n".join(parts)
