"""`mcpbridge audit retain`: remove what is older than the log's retention."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.audit.place import add_place
from mcpbridge.cli.audit.writing import add_person, audit_config, person, refuse_without_log, with_log
from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.policy_text import many
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.audit import AuditLog
    from mcpbridge.audit.retention import Removal

_ACTIVE: Final = "audit.jsonl"
_PARTS: Final = 12
"""Segments in one retention, at least."""
_DESCRIPTION: Final = (
    "Removes closed segments whose last record is older than audit.retention, from the oldest on, and the "
    "texts and keys that only they name. A record keeps the hash where the log begins then and the tree's "
    "state there, so the rest still verifies. Refused under a legal hold. Run it from time to time; without "
    "--yes nothing is changed, and you see what would be."
)


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "retain", help="remove what is older than the retention", description=_DESCRIPTION
    )
    add_place(parser)
    parser.add_argument("--older-than", metavar="TIME", help="such as 400d (default: audit.retention)")
    parser.add_argument("--archive", metavar="FOLDER", help="copy there first what is removed here")
    add_person(parser, reason="for the record")
    parser.add_argument("--yes", action="store_true", help="do it; else only say what would be done")
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Remove, or say what would be."""
    from mcpbridge.audit.retention import planned, retain

    config = audit_config(args)
    seconds = _seconds(args, config.retention)
    before = datetime.now(UTC) - timedelta(seconds=seconds)
    warning = _warning(seconds)
    refuse_without_log(config.path)
    closing = _closes(config.path, seconds)
    if not args.yes:
        plan = planned(config.path, before=before, closing=closing)
        said = _plan_as_json if args.json else _would
        print(said(plan, before, warning, closing=closing))
        return COMPLETED
    if closing:  # what is refused is refused before anything changes
        planned(config.path, before=before, closing=True)
        _close(args, before=before)

    async def work(log: AuditLog, directory: Path) -> Removal:
        return await retain(
            log,
            directory,
            before=before,
            by=person(args),
            reason=args.reason,
            archive=None if args.archive is None else Path(args.archive),
        )

    removed = with_log(args, work)
    print(_as_json(removed, warning) if args.json else _done(removed, warning))
    return COMPLETED


def _closes(path: Path, seconds: float) -> bool:
    """A log that grows slowly would keep its oldest records in the active segment for ever. Begun longer ago
    than a twelfth of the retention, it is closed; so nothing outlives its time by more than that."""
    from mcpbridge.audit.retention import begins

    begun = begins(path)
    return begun is not None and begun <= datetime.now(UTC) - timedelta(seconds=seconds / _PARTS)


def _close(args: argparse.Namespace, *, before: datetime) -> None:
    from mcpbridge.audit.retention import looked

    async def work(log: AuditLog, directory: Path) -> None:
        await looked(log, directory, before=before, by=person(args))

    with_log(args, work, rotate=1)


def _seconds(args: argparse.Namespace, configured: float | None) -> float:
    from mcpbridge.config.duration import LONGEST_RETENTION, parse_duration

    if args.older_than is None:
        if configured is None:
            raise UsageError(
                "no retention is configured; write audit: {retention: 400d}, or say --older-than 400d"
            )
        return configured
    try:
        return parse_duration(args.older_than, longest=LONGEST_RETENTION)
    except ValueError as error:
        raise UsageError(f"--older-than {args.older_than!r} is no duration: {error}") from None


def _warning(seconds: float) -> str:
    from mcpbridge.config.warnings import HALF_A_YEAR
    from mcpbridge.core.duration import spelled

    if seconds >= HALF_A_YEAR:
        return ""
    return f"warning: {spelled(seconds)} is less than the 183d that such records are commonly kept for"


def _would(plan: Removal, before: datetime, warning: str, *, closing: bool) -> str:
    when = f"{before:%Y-%m-%d %H:%M}Z"
    lines = [*(path.name for path in plan.segments), *([warning] if warning else [])]
    if closing:
        lines.append(f"{_ACTIVE} was begun long ago: --yes closes it first, and begins the next segment")
    if not plan.segments:
        return "\n".join([*lines, f"nothing to remove: no segment that is closed then ends before {when}"])
    ends = f"{_gone(plan)} would be removed: they end before {when}, the last of {plan.last_ts}"
    return "\n".join([*lines, f"{ends}; nothing was changed, say --yes to remove them"])


def _done(removed: Removal, warning: str) -> str:
    lines = [warning] if warning else []
    if not removed.segments:
        return "\n".join([*lines, "nothing to remove"])
    return "\n".join([*lines, f"{_gone(removed)} removed, the last of {removed.last_ts}"])


def _gone(removed: Removal) -> str:
    files = f", with {many(len(removed.files), 'file')} of texts and keys that only they name,"
    records, segments = many(removed.records, "record"), many(len(removed.segments), "segment")
    return f"{records} in {segments}{files if removed.files else ''}"


def _plan_as_json(plan: Removal, before: datetime, warning: str, *, closing: bool) -> str:
    names = [path.name for path in plan.segments]
    about: dict[str, Any] = {**asdict(plan), "segments": names, "before": before.isoformat()}
    return json.dumps({"done": False, **about, "closes_active": closing, "warning": warning})


def _as_json(removed: Removal, warning: str) -> str:
    about: dict[str, Any] = {**asdict(removed), "segments": [path.name for path in removed.segments]}
    return json.dumps({"done": True, **about, "warning": warning})
