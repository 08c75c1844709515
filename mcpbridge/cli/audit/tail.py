"""`mcpbridge audit tail`: the last records, and with -f those that come, for people who watch."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from mcpbridge.cli.audit.filters import add_filters, wanted
from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.audit.show import columns, count
from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.streams import wants_color
from mcpbridge.errors import AuditCorrupt, AuditUnavailable

_DESCRIPTION: Final = (
    "Prints the last decisions and whatever else a person should see, one a line; with -f also those that "
    "come, over rotations, until it is interrupted. Colours on a terminal only, and none with NO_COLOR. "
    "Nothing that a record holds can move the cursor. --all has every record."
)
_PAUSE: Final = 0.25
"""Seconds between two looks at the log: a person does not notice, and a look costs next to nothing."""
_ROUTINE: Final = frozenset(
    {
        "run_started", "run_finished", "config_loaded", "intent", "outcome", "tools_listed", "checkpoint",
        "server_registered", "input_transformed", "question_asked", "policy_loaded",
    }
)  # fmt: skip
"""Left out, unless --all or --type asks for them. Of outcomes, those that completed."""


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser("tail", help="the last records; -f follows", description=_DESCRIPTION)
    add_place(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on, until interrupted")
    parser.add_argument("-n", "--lines", metavar="N", type=count, default=10, help="how many (default: 10)")
    parser.add_argument("-a", "--all", action="store_true", help="every record, not only what matters")
    parser.add_argument("--wide", action="store_true", help="lines in full, also on a terminal")
    add_filters(parser, times=False)
    add_json(parser, "each record as one line of JSON")
    parser.set_defaults(stops_unread=True, run=run_tail)


def run_tail(args: argparse.Namespace) -> int:
    """Print, and follow. Exit 2 where there is no log; an interrupt ends it without an error."""
    try:
        _tail(args, wait=_pause)
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return COMPLETED
    return COMPLETED


def _pause() -> bool:
    sys.stdout.flush()
    time.sleep(_PAUSE)
    return True


def _tail(args: argparse.Namespace, *, wait: Callable[[], bool]) -> None:
    from mcpbridge.audit.filters import sieve
    from mcpbridge.audit.follow import follow, read_so_far
    from mcpbridge.audit.read import latest, record_of, seq_of

    log, show, matters = place(args), _printer(args), _matters(args)
    read = read_so_far(log)
    shown = 0
    for record in latest(log, args.lines, wanted(args), also=matters):
        show(record)
        shown = seq_of(record)
    if not args.follow:
        return
    passed = sieve(wanted(args))
    for entry in follow(log, read, wait=wait):
        found = record_of(entry, passed)
        # What was written while the last ones were looked for has been shown with them.
        if found is not None and matters(found) and seq_of(found) > shown:
            show(found)
            shown = 0


def _printer(args: argparse.Namespace) -> Callable[[dict[str, Any]], None]:
    from mcpbridge.audit import render_line

    color = wants_color(sys.stdout)
    if args.json:
        return lambda record: print(json.dumps(record))
    return lambda record: print(render_line(record, color=color, width=columns(args)))


def _matters(args: argparse.Namespace) -> Callable[[dict[str, Any]], bool]:
    """Whether a record is shown without being asked for."""
    if args.all or args.type:
        return lambda record: True
    return lambda record: record.get("type") not in _ROUTINE or record.get("status") in ("failed", "unknown")
