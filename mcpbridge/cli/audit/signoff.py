"""`mcpbridge audit signoff`: a reviewer's word, written into the log."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.audit.show import count
from mcpbridge.cli.audit.writing import with_log
from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.core.question import visible
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

if TYPE_CHECKING:
    from mcpbridge.audit import AuditLog
    from mcpbridge.audit.review.signoff import SignOff

_DESCRIPTION: Final = (
    "Writes into the log that you have reviewed a part of it: your name, the first and last record, and the "
    "Merkle root over all lines up to the last, so that the sign-off holds for exactly these lines. The log "
    "is verified first; one that was tampered with is not signed off. What `reconcile` finds is counted in "
    "the record. The name is a claim: anchors and checkpoints prove when it was written, not by whom."
)


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser("signoff", help="say that you reviewed the log", description=_DESCRIPTION)
    add_place(parser)
    parser.add_argument("--reviewer", metavar="NAME", help="who (default: the operating system's user)")
    parser.add_argument(
        "--from", metavar="SEQ", dest="first", type=count, help="default: after the last sign-off"
    )
    parser.add_argument(
        "--until", metavar="SEQ", dest="last", type=count, help="default: the last record there is"
    )
    parser.add_argument("--note", metavar="TEXT", default="", help="a remark, for the record")
    parser.add_argument(
        "--list", action="store_true", help="the sign-offs so far, and whether they still hold"
    )
    add_json(parser, "JSON instead of text")
    parser.set_defaults(run=run_signoff)


def run_signoff(args: argparse.Namespace) -> int:
    """Exit 1 where the log was tampered with, or (--list) a sign-off does not hold; 2 without a log."""
    try:
        return _list(args) if args.list else _sign(args)
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE


def _sign(args: argparse.Namespace) -> int:
    from mcpbridge.adapters.terminal import user_name
    from mcpbridge.audit import Against, Status, verify
    from mcpbridge.audit.review.reconcile import reconcile
    from mcpbridge.audit.review.signoff import reviewed, signoff_record
    from mcpbridge.audit.verifying.heads import Heads
    from mcpbridge.cli.audit.verify import declared
    from mcpbridge.core.question import visible

    if args.reviewer is not None and not args.reviewer.strip():
        raise UsageError("--reviewer '' is nobody; write a name, or leave the option out")
    log = place(args)
    verdict = verify(log, Against(anchors=declared(args), heads=Heads()))
    if verdict.status in (Status.TAMPERED, Status.UNUSABLE):
        print(f"mcpbridge: nothing is signed off\n{visible(str(verdict))}", file=sys.stderr)
        return verdict.exit_code
    found = reviewed(log, first=args.first, last=args.last)
    findings = sum(reconcile(log).counts.values())
    record = signoff_record(
        found,
        reviewer=args.reviewer if args.reviewer is not None else user_name(),
        authenticated=False,
        note=args.note,
        status=verdict.status.value,
        findings=findings,
    )

    async def work(open_log: AuditLog, _: Path) -> int:
        return await open_log.append(record)

    seq = with_log(args, work)
    if args.json:
        print(json.dumps({"seq": seq, **record.fields}))
        return COMPLETED
    print(f"record {seq}: {_said({**record.fields, 'seq': seq})}")
    if findings:
        print(f"  mind that `mcpbridge audit reconcile` has {findings} findings in this log")
    return COMPLETED


def _list(args: argparse.Namespace) -> int:
    from mcpbridge.audit.review.signoff import signoffs

    code = COMPLETED
    none = True
    for one in signoffs(place(args)):
        none = False
        code = FAILED if one.holds is False else code
        print(json.dumps({**one.record, "holds": one.holds}) if args.json else _listed(one))
    if none and not args.json:
        print("nobody has signed anything off")
    return code


def _listed(one: SignOff) -> str:
    says = {
        True: "holds",
        False: "DOES NOT HOLD: these lines are not what was reviewed",
        None: "lines removed",
    }
    when = str(one.record.get("ts", ""))[:16].replace("T", " ")
    text = f"#{one.record.get('seq')}  {when}Z  {_said(one.record)}"
    return f"{visible(text, newlines=False)}\n    root {_root(one.record)}: {says[one.holds]}"


def _said(fields: dict[str, Any]) -> str:
    note = f": {fields['reason']}" if fields.get("reason") else ""
    part = f"records {fields.get('first_seq')}-{fields.get('last_seq')}"
    counts = f"{fields.get('decisions')} decisions, {fields.get('denied')} denied"
    return f"{fields.get('reviewer')} reviewed {part} ({counts}){note}"


def _root(fields: dict[str, Any]) -> str:
    return visible(str(fields.get("root", ""))[:16], newlines=False) + "…"
