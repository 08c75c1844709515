"""`mcpbridge policy replay`: which past decisions would change under other policies."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.policy_beside import beside, note
from mcpbridge.cli.policy_inputs import configuration, load_policies
from mcpbridge.cli.policy_text import many
from mcpbridge.core.question import visible
from mcpbridge.errors import AuditUnavailable, UsageError

if TYPE_CHECKING:
    from mcpbridge.audit import Verification
    from mcpbridge.policy import Policy

_SHOWN: Final = 200
"""Lines of one kind in the text; --json has all."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "replay",
        help="which past decisions would change under other policies",
        description="Verifies an audit log, then rules again on every decision in it, under the policies "
        "given. What the log does not keep (masked or missing arguments, what the user wrote) is never "
        "guessed: where it matters, the decision is listed as one that cannot be told. What people answered "
        "is not replayed, only what the policies say. Exit code 0: nothing changes, 1: something changes, 2: "
        "the log or a policy cannot be read, or the log was tampered with.",
    )
    parser.add_argument("path", metavar="AUDIT", help="folder or file of the log")
    parser.add_argument(
        "--policy",
        metavar="FILE",
        action="append",
        required=True,
        help="the new policy (repeatable: they apply together)",
    )
    parser.add_argument("-c", "--config", metavar="CONFIG", help="its groups, for rules with `who`")
    parser.add_argument("--since", metavar="WHEN", help="2026-11-21, 2026-11-21T08:00+01:00, or 15m, 7d ago")
    parser.add_argument("--tool", metavar="GLOB", help="label.tool, or the tool alone; * and ? are allowed")
    parser.add_argument("--all", action="store_true", help="list the decisions that cannot be told, too")
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One past decision and what would become of it."""

    seq: int
    ts: str
    tool: str
    was: str
    was_rules: tuple[str, ...]
    outcome: str
    would_be: str | None
    would_rules: tuple[str, ...]
    possible: tuple[str, ...]
    unknown: tuple[str, ...]
    level: str
    """How much of the arguments the record keeps: none, metadata or arguments."""

    @property
    def changes(self) -> bool:
        return self.would_be is not None and self.would_be != self.was


def run(args: argparse.Namespace) -> int:
    """Verify, replay, tell."""
    from mcpbridge.audit import verify

    policies = load_policies(args.policy)
    config = configuration(args)
    verdict = verify(Path(args.path))
    if verdict.status.value == "unusable":
        raise UsageError(str(verdict))
    if verdict.status.value == "tampered":
        print(json.dumps(_refused(verdict)) if args.json else visible(f"{verdict}\nNothing is replayed."))
        return USAGE
    try:
        lines = list(_lines(args, policies, None if config is None else config.groups))
    except AuditUnavailable as error:
        raise UsageError(str(error)) from error
    code = FAILED if any(line.changes for line in lines) else COMPLETED
    if args.json:
        print(json.dumps({**_as_json(lines, verdict, policies, code), "not_looked_at": beside(policies)}))
    else:
        for text in [*_report(lines, verdict, everything=args.all), *note(policies)]:
            print(visible(text))
    return code


def _lines(
    args: argparse.Namespace, policies: Sequence[Policy], groups: Mapping[str, tuple[str, ...]] | None
) -> Iterator[Line]:
    from mcpbridge.audit import read
    from mcpbridge.cli.audit.place import since

    when = None if args.since is None else since(args.since, now=datetime.now(UTC))
    for record in read(args.path, types=["decision"], since=when, tool=args.tool):
        yield _line(record, policies, groups)


def _line(
    record: Mapping[str, Any], policies: Sequence[Policy], groups: Mapping[str, tuple[str, ...]] | None
) -> Line:
    from mcpbridge.cli.policy_past import level, past_call, rule_ids, unaffected, was
    from mcpbridge.policy.changed import enforcing_or_all
    from mcpbridge.policy.replay import replay

    call = past_call(record, groups)
    then, ids = was(record), tuple(rule_ids(record))
    found = None if unaffected(record) else replay(call, enforcing_or_all(policies))
    would = (found.effect.value if found.effect else None) if found else then
    return Line(
        seq=int(record.get("seq", 0)),
        ts=str(record.get("ts", "")),
        tool=call.name,
        was=then,
        was_rules=ids,
        outcome=str(record.get("outcome", "")),
        would_be=would,
        would_rules=found.rule_ids if found else ids,
        possible=tuple(one.value for one in found.possible) if found else (then,),
        unknown=found.unknown if found else (),
        level=level(record),
    )


def _report(lines: Sequence[Line], verdict: Verification, *, everything: bool) -> Iterator[str]:
    yield str(verdict).split("\n", 1)[0]  # the rest is about who vouches for it
    changed = [line for line in lines if line.changes]
    untold = [line for line in lines if line.would_be is None]
    yield from (_change(line) for line in changed[:_SHOWN])
    if len(changed) > _SHOWN:
        yield f"  and {len(changed) - _SHOWN} more (--json lists all)"
    same = len(lines) - len(changed) - len(untold)
    counts = f"{same} as before, {len(changed)} changed, {len(untold)} cannot be told"
    yield f"{many(len(lines), 'decision')}: {counts}"
    for (then, now), count in sorted(Counter((one.was, one.would_be) for one in changed).items()):
        yield f"  {then} -> {now}: {count}"
    yield from _cannot(untold, everything=everything)


def _change(line: Line) -> str:
    then = f"{line.was} ({', '.join(line.was_rules) or 'default'}; {line.outcome})"
    return (
        f"  #{line.seq} {line.tool}: {then} -> {line.would_be} ({', '.join(line.would_rules) or 'default'})"
    )


def _cannot(untold: Sequence[Line], *, everything: bool) -> Iterator[str]:
    """Why, and how often."""
    reasons = Counter((reason, line.level) for line in untold for reason in line.unknown)
    for (reason, level), count in sorted(reasons.items()):
        kept = f" (level {level})" if reason == "the arguments" else ""
        yield f"  not known: {reason}{kept}, in {many(count, 'decision')}"
    if everything:
        for line in untold:
            yield f"  #{line.seq} {line.tool}: {line.was} -> {' or '.join(line.possible)}"
    elif untold:
        yield "  (--all lists them)"


def _refused(verdict: Verification) -> dict[str, Any]:
    return {"ok": False, "exit_code": USAGE, "log": _log(verdict), "decisions": []}


def _log(verdict: Verification) -> dict[str, Any]:
    return {
        "path": str(verdict.path),
        "status": verdict.status.value,
        "records": verdict.records,
        "flaws": [str(flaw) for flaw in verdict.flaws],
    }


def _as_json(
    lines: Sequence[Line], verdict: Verification, policies: Sequence[Policy], code: int
) -> dict[str, Any]:
    changed = sum(line.changes for line in lines)
    untold = sum(line.would_be is None for line in lines)
    return {
        "ok": code == COMPLETED,
        "exit_code": code,
        "log": _log(verdict),
        "policies": [{"file": policy.file, "hash": policy.hash} for policy in policies],
        "counts": {
            "decisions": len(lines),
            "same": len(lines) - changed - untold,
            "changed": changed,
            "cannot_tell": untold,
        },
        "decisions": [
            {**asdict(line), "changes": line.changes}
            for line in lines
            if line.changes or line.would_be is None
        ],
    }
