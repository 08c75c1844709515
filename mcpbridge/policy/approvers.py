"""`approvers:` — who has to agree before a call that is asked about may run.

approvers:
  - tools: ["bank.*"]
    quorum: 2
    of: [treasury-1, treasury-2, treasury-3]
    not_requester: true
    escalate: {after: 10m, to: [treasury-head]}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from mcpbridge.core.approval import Approval, same_person
from mcpbridge.core.duration import seconds
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.glob import Glob
from mcpbridge.policy.limits import read_tools
from mcpbridge.policy.problems import Problems

KEYS: Final = ("tools", "quorum", "of", "not_requester", "escalate")
ESCALATE: Final = ("after", "to")
_SHAPE: Final = '{tools: ["bank.*"], quorum: 2, of: [ana, bo, cy]}'
_ESCALATE: Final = "{after: 10m, to: [dee]}"
_MAX_QUORUM: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproverRule:
    """One entry of `approvers:`."""

    tools: tuple[Glob, ...]
    approval: Approval
    line: int = 1

    def covers(self, name: str) -> bool:
        """Whether it is about this `label.tool`."""
        return any(glob.matches(name) for glob in self.tools)


def read_approvers(value: object, at: Path, problems: Problems) -> tuple[ApproverRule, ...]:
    """Every rule that could be read. Reports what is wrong with the others."""
    if not isinstance(value, list) or not value:
        problems.add(at, f"write a list of approver rules here, such as [{_SHAPE}]")
        return ()
    found = [_read(item, (*at, place), problems) for place, item in enumerate(cast("list[object]", value))]
    return tuple(rule for rule in found if rule is not None)


def _read(value: object, at: Path, problems: Problems) -> ApproverRule | None:
    mapping = problems.mapping(value, at, _SHAPE)
    if mapping is None:
        return None
    before = problems.count
    problems.known_keys(mapping, at, "key of an approver rule", KEYS)
    tools = read_tools(mapping.get("tools"), (*at, "tools"), problems)
    of = _people(mapping["of"], (*at, "of"), problems) if "of" in mapping else ()
    after, to = _read_escalate(mapping, of, at, problems)
    quorum = _read_quorum(mapping, (*at, "quorum"), of, to, problems)
    if "not_requester" in mapping and mapping["not_requester"] is not True:
        problems.add((*at, "not_requester"), "write `not_requester: true`, or remove it")
    if not {"quorum", "of", "not_requester"} & {*mapping}:
        problems.add(
            at, "this rule asks for nobody in particular; add `quorum`, `of` or `not_requester: true`"
        )
    if problems.count > before:
        return None
    approval = Approval(quorum=quorum, of=of, not_requester="not_requester" in mapping, after=after, to=to)
    return ApproverRule(tools=tools, approval=approval, line=problems.line(at))


def _people(value: object, at: Path, problems: Problems) -> tuple[str, ...]:
    people: list[str] = []
    for place, name in problems.texts(value, at, "ana"):
        other = next((other for other in people if same_person(other, name)), None)
        if other is not None:
            problems.add(place, f"{name!r} and {other!r} count as one person; remove one")
        elif "*" in name or name != name.strip():
            problems.add(place, "write the name of one person here, without `*` and spaces around it")
        people.append(name)
    return tuple(people)


def _read_quorum(
    mapping: dict[str, object], at: Path, of: tuple[str, ...], to: tuple[str, ...], problems: Problems
) -> int:
    quorum = mapping.get("quorum", 1)
    if type(quorum) is not int or not 1 <= quorum <= _MAX_QUORUM:
        problems.add(at, f"write how many people have to agree, a whole number from 1 to {_MAX_QUORUM}")
        return 1
    if of and quorum > len({*of, *to}):
        problems.add(at, f"{quorum} people have to agree, and only {len({*of, *to})} may; name more in `of`")
    return quorum


def _read_escalate(
    mapping: dict[str, object], of: tuple[str, ...], at: Path, problems: Problems
) -> tuple[float | None, tuple[str, ...]]:
    if "escalate" not in mapping:
        return None, ()
    place = (*at, "escalate")
    found = problems.mapping(mapping["escalate"], place, _ESCALATE)
    if found is None:
        return None, ()
    problems.known_keys(found, place, "key of `escalate`", ESCALATE)
    after = seconds(found.get("after"))
    if after is None:
        problems.add((*place, "after"), "write after how long, a duration such as 10m")
    to = _people(found.get("to"), (*place, "to"), problems)
    if "of" not in mapping:
        problems.add(place, "without `of` anybody who is authenticated may agree at once; add `of`")
    elif any(same_person(name, other) for name in to for other in of):
        problems.add((*place, "to"), "somebody in `to` is in `of` already; name others")
    return after, to
