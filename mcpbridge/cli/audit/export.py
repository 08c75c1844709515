"""`mcpbridge audit export`: the records for a SIEM, a collector, a spreadsheet or a data frame."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from mcpbridge.cli.audit.filters import add_filters, wanted
from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import Commands
from mcpbridge.cli.policy_text import many
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

_FORMATS: Final = ("ocsf", "otel", "csv", "parquet")
_DESCRIPTION: Final = (
    "Writes the records in another format: OCSF API Activity (JSON lines), OpenTelemetry logs (OTLP/JSON "
    "lines), CSV for spreadsheets, or Parquet (needs the extra parquet). What the log hides or seals stays "
    "so. Does not verify: see audit verify."
)


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "export", help="records as OCSF, OpenTelemetry, CSV or Parquet", description=_DESCRIPTION
    )
    add_place(parser)
    add_filters(parser)
    parser.add_argument("--format", choices=_FORMATS, required=True)
    parser.add_argument(
        "-o", "--output", metavar="FILE|DIR", help="write there instead of standard output; parquet needs it"
    )
    parser.set_defaults(stops_unread=True, run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Export. Exit 2 where there is no log."""
    from mcpbridge.audit import read
    from mcpbridge.audit.export import WRITERS
    from mcpbridge.audit.read import check_log

    target = _target(args)
    log = place(args)
    records = read(log, **wanted(args))
    try:
        check_log(log)
        if target is None:
            WRITERS[args.format](records, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return COMPLETED
        from mcpbridge.cli.audit.output import written

        with written(target) as file:
            count = WRITERS[args.format](records, file)
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    print(f"{many(count, 'record')} in {target}", file=sys.stderr)
    return COMPLETED


def _target(args: argparse.Namespace) -> Path | None:
    """Where to; in a folder the file is called after its format."""
    from mcpbridge.audit.export import FILE_NAMES

    if args.output is None:
        if args.format == "parquet":
            raise UsageError("Parquet is no text for a terminal or a pipe; name a file with -o FILE.parquet")
        return None
    given = Path(args.output)
    if args.output.endswith(("/", os.sep)):
        from mcpbridge.cli.audit.output import folder_for

        folder_for(given)
    return given / FILE_NAMES[args.format] if given.is_dir() else given
