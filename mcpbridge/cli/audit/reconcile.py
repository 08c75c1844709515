"""`mcpbridge audit reconcile`: whether requests, decisions and outcomes add up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.audit.counted import counted
from mcpbridge.cli.audit.columns import rows
from mcpbridge.cli.audit.place import add_place, place, since
from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.errors import AuditUnavailable

if TYPE_CHECKING:
    from mcpbridge.audit.review.reconcile import Finding, Reconciliation

_DESCRIPTION: Final = (
    "Looks at every request of the log: each has exactly one decision, each approval an outcome or an "
    "explicit unknown, and nothing ran without an approval. What waits for a person is no finding. Reads "
    "the log itself, never an index, and verifies no hash: see `mcpbridge audit verify`. Exit codes: 0 it "
    "adds up, 1 findings, 2 nothing to look at."
)
_SHOWN: Final = 20
_TITLES: Final = {
    "request_without_decision": "a request without a decision",
    "two_decisions": "two decisions on one request",
    "approval_without_outcome": "an approval without an outcome",
    "execution_without_approval": "an execution without an approval",
    "executed_twice": "an approval that was used twice",
}


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "reconcile", help="does each request have one decision and one outcome?", description=_DESCRIPTION
    )
    add_place(parser)
    parser.add_argument(
        "--grace",
        metavar="DURATION",
        help="leave out what is still open in requests younger than that, such as 10m: for a log at work",
    )
    parser.add_argument("--all", action="store_true", help=f"every finding, not only the first {_SHOWN}")
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run_reconcile)


def run_reconcile(args: argparse.Namespace) -> int:
    """Exit 0 where it adds up, 1 with findings, 2 where there is no log or a line of it is no record."""
    from mcpbridge.audit.review.reconcile import reconcile

    until = None if args.grace is None else since(args.grace, now=datetime.now(UTC), option="--grace")
    try:
        found = reconcile(place(args), until=until)
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    if args.json:
        print(json.dumps(_as_json(found)))
    else:
        for line in _lines(found, everything=args.all):
            print(line)
    return COMPLETED if found.clean else FAILED


def _lines(found: Reconciliation, *, everything: bool) -> Iterator[str]:
    decided = f"{counted(found.decisions, 'decision')} ({found.allowed} allowed)"
    yield f"{counted(found.requests, 'request')}, {decided}, {counted(found.outcomes, 'outcome')}"
    shown = found.findings if everything else found.findings[:_SHOWN]
    for finding in shown:
        yield from _finding(finding)
    total = sum(found.counts.values())
    if total > len(shown):
        yield f"  and {total - len(shown)} more" + ("" if everything else " (--all lists up to 1,000)")
    if found.waiting:
        yield f"  {found.waiting} open: their conversations wait for a person, or can be resumed"
    if found.removed:
        yield f"  {found.removed} cannot be told: retention removed the beginning of their conversations"
    if found.recent:
        yield f"  {found.recent} open and too young to tell (--grace)"
    for kind, count in sorted(found.counts.items()):
        yield f"  {count} x {_TITLES[kind]}"
    yield counted(total, "finding") if total else "it adds up"


def _finding(finding: Finding) -> Iterator[str]:
    hole = finding.hole
    text = f"#{hole.seq} {finding.tool}: {_TITLES[hole.kind]}: {hole.why} ({finding.request_id})"
    yield from rows(text, "  ", "      ")


def _as_json(found: Reconciliation) -> dict[str, Any]:
    return {
        "ok": found.clean,
        "exit_code": COMPLETED if found.clean else FAILED,
        "records": found.records,
        "requests": found.requests,
        "decisions": found.decisions,
        "allowed": found.allowed,
        "outcomes": found.outcomes,
        "waiting": found.waiting,
        "removed": found.removed,
        "recent": found.recent,
        "counts": {str(kind): count for kind, count in sorted(found.counts.items())},
        "findings": [_finding_json(finding) for finding in found.findings],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    fields = asdict(finding)
    hole = fields.pop("hole")
    return {"kind": str(hole["kind"]), "seq": hole["seq"], "why": hole["why"], **fields}
