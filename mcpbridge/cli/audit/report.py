"""`mcpbridge audit report`: what happened in a period, for people."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.audit.place import add_place, place, since
from mcpbridge.cli.audit.verify import declared
from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import Commands
from mcpbridge.cli.streams import as_utf8
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

if TYPE_CHECKING:
    from mcpbridge.audit import Against
    from mcpbridge.audit.report import Links, Period, Report

_DESCRIPTION: Final = (
    "Says what was decided in a period and what a reviewer should look at, with the command behind each "
    "figure: denials by rule, overrides, approval fatigue, new tools, unknown outcomes, shadow policies, "
    "grants, servers, sign-offs. Verifies the whole log first, and exits with 1 where it was changed. "
    "Reads in memory that does not grow with it."
)


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "report", help="what happened, as Markdown or one HTML page", description=_DESCRIPTION
    )
    add_place(parser)
    add_period(parser)
    parser.add_argument("--format", choices=("md", "html"), help="default: html for -o FILE.html, else md")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--offline", action="store_true", help="ask no witness; a cut then may not show")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    parser.set_defaults(run=run_report)


def add_period(parser: argparse.ArgumentParser) -> None:
    """The options `--since` and `--until`."""
    for name, meaning in (("--since", "from then on"), ("--until", "up to then, exclusive")):
        parser.add_argument(
            name,
            metavar="WHEN",
            help=f"{meaning}: 2026-11-21, 2026-11-21T08:00+01:00 (else UTC), 15m, 7d ago",
        )


def run_report(args: argparse.Namespace) -> int:
    """Read, verify, write. Exit 1 where the log was changed, 2 where there is none."""
    from mcpbridge.audit.report import report
    from mcpbridge.audit.verifying.result import Status

    if args.json and args.format:
        raise UsageError("--json and --format are two ways to write it; give one of them")
    try:
        found = report(
            place(args),
            period=_period(args),
            made=datetime.now(UTC),
            links=_links(args),
            against=_against(args),
        )
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    text = _text(found, args)
    if args.output is None:
        as_utf8(sys.stdout)
        sys.stdout.write(text)
    else:
        from mcpbridge.cli.audit.output import written

        if args.output.endswith(("/", os.sep)) or Path(args.output).is_dir():
            page = Path(args.output) / "report.html"
            raise UsageError(f"{args.output} is a folder; name a file, such as {page}")
        with written(Path(args.output)) as file:
            file.write(text.encode())
    return FAILED if found.verdict.status == Status.TAMPERED.value else COMPLETED


def _against(args: argparse.Namespace) -> Against:
    """What `audit verify` holds the same log against."""
    from mcpbridge.audit import Against
    from mcpbridge.audit.verifying.heads import Heads

    return Against(anchors=declared(args), heads=Heads(), ask=not args.offline)


def _period(args: argparse.Namespace) -> Period:
    from mcpbridge.audit.report import Period

    start, end = moments(args)
    return Period(since=start, until=end)


def moments(args: argparse.Namespace) -> tuple[datetime | None, datetime | None]:
    """`--since` and `--until`. Raises UsageError where they are no times, or the wrong way round."""
    now = datetime.now(UTC)
    start = None if args.since is None else since(args.since, now=now)
    end = None if args.until is None else since(args.until, now=now, option="--until")
    if start is not None and end is not None and start >= end:
        raise UsageError(
            f"--since {args.since} is not before --until {args.until}; nothing lies between them"
        )
    return start, end


def _links(args: argparse.Namespace) -> Links:
    """How a reader names the same log and the same period; times are absolute: the reader comes later."""
    from mcpbridge.audit.report import Links

    here = (args.path,) if args.path else ("-c", args.config) if args.config else ()
    start, end = moments(args)
    named = (("--since", start), ("--until", end))
    return Links(
        place=here,
        period=tuple(word for name, when in named if when is not None for word in (name, when.isoformat())),
    )


def _text(found: Report, args: argparse.Namespace) -> str:
    from mcpbridge.audit.report import html, markdown

    if args.json:
        return json.dumps(found.as_json(), indent=2) + "\n"
    wanted = args.format or ("html" if str(args.output or "").lower().endswith((".html", ".htm")) else "md")
    return html(found) if wanted == "html" else markdown(found)
