"""`mcpbridge audit explain`: why a past call was decided as it was, and what the policies say of it today."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from mcpbridge.cli.audit.columns import clean, one_row, rows
from mcpbridge.cli.audit.explain_question import question_json, question_lines
from mcpbridge.cli.audit.filters import add_index, index_of
from mcpbridge.cli.audit.past_policy import (
    Change,
    PastPolicy,
    changes,
    names_of,
    past_policies,
    present_policies,
)
from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.errors import AuditCorrupt, AuditUnavailable, UsageError

if TYPE_CHECKING:
    from mcpbridge.audit.review.server_questions import ServerQuestion
    from mcpbridge.policy import Policy
    from mcpbridge.policy.explain import Explanation

_DESCRIPTION: Final = (
    "Says which rule decided a past call and what its predicates saw, under the policy of that time, which "
    "the log keeps; what has changed in the policy since; and what would be decided today. ID is a record's "
    "number or a request's id. Never guesses: where the log does not show a value, it says so."
)
_OTHERWISE: Final = (
    "worked out again it is otherwise: it rests on what the log does not keep (the user's words, groups)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The whole answer."""

    record: Mapping[str, Any]
    past: Sequence[PastPolicy]
    then: Explanation | None
    """The same call under the policies of that time, worked out again."""
    why_not: str
    """Why `then` is None, or that it comes out differently."""
    changes: Sequence[Change] | None
    """None: there is no policy of today to compare with."""
    today: str


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser(
        "explain", help="why a past call was decided as it was", description=_DESCRIPTION
    )
    parser.add_argument("id", metavar="ID", help="a record's number, or a request's id: mcpr_…, call_…")
    add_place(parser)
    parser.add_argument(
        "--policy",
        metavar="FILE",
        action="append",
        default=[],
        help="compare with this policy (repeatable; default: those of the configuration)",
    )
    add_index(parser)
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run_explain)


def run_explain(args: argparse.Namespace) -> int:
    """Explain one decision, or what a server asked. Exit 2 where there is neither."""
    try:
        found = _explained(args)
    except AuditCorrupt:
        raise
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    if isinstance(found, Explained):
        shown, lines = _as_json(found), _lines(found)
    else:
        shown, lines = question_json(found), question_lines(found)
    for line in [json.dumps(shown)] if args.json else lines:
        print(line)
    return COMPLETED


def _explained(args: argparse.Namespace) -> Explained | ServerQuestion:
    from mcpbridge.audit import RecordType
    from mcpbridge.audit.index import find
    from mcpbridge.audit.review.evidence import evidence
    from mcpbridge.audit.review.server_questions import server_question

    if args.path is None and Path(args.id).is_dir():
        raise UsageError(f"{args.id} is a folder; write the record before it: explain ID {args.id}")
    log = place(args)
    with index_of(args, log) as index:
        found = evidence(log, args.id, index)
        loaded: tuple[str, ...] = (RecordType.POLICY_LOADED,)
        names = names_of(find(log, {"types": loaded}, index))
    asked = server_question(found, args.id)
    if asked is not None:
        return asked
    record = found.record
    if record.get("type") != RecordType.DECISION:
        what = f"record {record.get('seq')} is no decision but {record.get('type')}"
        raise UsageError(f"{what}; name a decision, or a request that was decided")
    past, present = past_policies(found, names), present_policies(args)
    then, why_not = _then(record, past)
    return Explained(
        record=record,
        past=past,
        then=then,
        why_not=why_not,
        changes=None if present is None else list(changes(past, present)),
        today="" if present is None else _ruling(record, present)[0],
    )


def _then(record: Mapping[str, Any], past: Sequence[PastPolicy]) -> tuple[Explanation | None, str]:
    """The call under the policies of that time once more."""
    from mcpbridge.cli.policy_past import past_call, rule_ids
    from mcpbridge.cli.policy_values import Shown
    from mcpbridge.policy import Facts
    from mcpbridge.policy.explain import explain
    from mcpbridge.policy.replay import HIDDEN

    policies = [one.policy for one in past if one.policy is not None]
    if not policies or len(policies) < len(past):
        return None, next(
            (f"{one.name}: {one.problem}" for one in past if one.problem), "no policy was asked"
        )
    call = past_call(record, None)
    if call.arguments is None or _has(call.arguments, HIDDEN):
        return None, _as_far_as_shown(record, policies)
    facts = Facts(principal=call.principal, known_tool=call.known_tool is not False)
    found = explain(_action(record, call.arguments), policies, facts, Shown())
    deciding = {rule for policy in found.policies if not policy.shadow for rule in policy.deciding}
    recorded = set(rule_ids(record))
    if deciding == recorded:
        return found, ""
    return None, _OTHERWISE


def _as_far_as_shown(record: Mapping[str, Any], policies: Sequence[Policy]) -> str:
    """What they come to, as `today` is worked out; and whether that is what was decided."""
    from mcpbridge.cli.policy_past import was

    ruling, effect = _ruling(record, policies)
    decided = was(record)
    differs = f"; that is otherwise than it was decided ({decided})" if effect not in ("", decided) else ""
    return f"not all arguments are in the log; by those that are: {ruling}{differs if decided else ''}"


def _action(record: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    from mcpbridge.core.action import Action

    return Action(
        request_id=str(record.get("request_id") or ""),
        server_label=str(record.get("server_label") or ""),
        tool=str(record.get("tool") or ""),
        via="local" if record.get("via") == "local" else "hosted",
        arguments=arguments,
        raw_arguments=json.dumps(arguments, ensure_ascii=False),
        server_identity=str(record.get("server_identity") or ""),
    )


def _has(value: Any, hidden: object) -> bool:
    if value is hidden:
        return True
    if isinstance(value, Mapping):
        return any(_has(item, hidden) for item in value.values())  # pyright: ignore[reportUnknownVariableType]
    return isinstance(value, list) and any(_has(item, hidden) for item in value)  # pyright: ignore[reportUnknownVariableType]


def _ruling(record: Mapping[str, Any], policies: Sequence[Policy]) -> tuple[str, str]:
    """What policies come to by what the log shows, in words, and as an effect where it is but one."""
    from mcpbridge.cli.policy_past import past_call, unaffected
    from mcpbridge.policy.changed import enforcing_or_all
    from mcpbridge.policy.replay import replay

    if unaffected(record):
        return "denied as malformed, under every policy", ""
    enforced = enforcing_or_all(policies)
    found = replay(past_call(record, None), enforced)
    if found.effect is not None:
        rules = ", ".join(found.rule_ids) or "no rule, by default"
        return f"{found.effect.value} ({rules})", found.effect.value
    possible = " or ".join(effect.value for effect in found.possible)
    return f"{possible}: it depends on {', '.join(found.unknown)}, which the log does not show", ""


def _lines(found: Explained) -> Iterator[str]:
    from mcpbridge.cli.policy_explained import lines

    record = found.record
    name = f"{record.get('server_label', '')}.{record.get('tool', '')}"
    yield one_row(f"#{record.get('seq')} {name}: {record.get('outcome')}, {record.get('ts')}")
    if reason := record.get("reason"):
        yield from rows(reason if isinstance(reason, str) else json.dumps(reason), "  ", "  ")
    if who := record.get("approver"):
        proven = "authenticated" if record.get("authenticated") else "a claimed name"
        yield from rows(f"decided by {who} ({proven})", "  ", "  ")
    yield ""
    yield "As recorded"
    yield from _recorded(record)
    yield ""
    yield "Under the policy of that time"
    for one in found.past:
        yield one_row(f"  {one.name}  (blob {one.hash})")
    if found.then is not None:
        yield from (one_row(f"  {line}") for line in lines(found.then, clean)[1:])
    if found.why_not:
        yield from rows(found.why_not, "  ", "  ")
    yield ""
    yield "Since then"
    yield from _since(found)


def _recorded(record: Mapping[str, Any]) -> Iterator[str]:
    from mcpbridge.cli.audit.evidence_text import asked_for

    matches = record.get("matches")
    listed: list[Any] = matches if isinstance(matches, list) else []  # pyright: ignore[reportUnknownVariableType]
    for match in (cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)):
        asks = asked_for(match)
        doubt = " (undecided)" if match.get("undecided") else ""
        text = f"{match.get('effect')}  {match.get('rule')} of {match.get('policy')}{doubt}"
        yield from rows(text + (f": {asks}" if asks else ""), "  ", "      ")
    if not listed:
        yield "  no rule matched"


def _since(found: Explained) -> Iterator[str]:
    if found.changes is None:
        yield "  no policy to compare with: name one with --policy FILE, or -c CONFIG"
        return
    for change in found.changes:
        yield from rows(f"{change.name} {change.says}", "  ", "  ")
        yield from (row for line in change.diff for row in rows(line, "    "))
    yield from rows(f"today this call would meet: {found.today}", "  ", "      ")


def _as_json(found: Explained) -> dict[str, Any]:
    return {
        "record": found.record,
        "policies": [
            {"name": one.name, "hash": one.hash, "text": one.text, "problem": one.problem}
            for one in found.past
        ],
        "then": None if found.then is None else asdict(found.then),
        "why_not": found.why_not,
        "changes": None if found.changes is None else [asdict(change) for change in found.changes],
        "today": found.today,
    }
