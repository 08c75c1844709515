"""The policies that a past decision was made under, and what has become of them since."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcpbridge.cli.parsing import DEFAULT_CONFIG
from mcpbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from mcpbridge.audit.review.evidence import Evidence
    from mcpbridge.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPolicy:
    """One policy as it was."""

    name: str
    hash: str
    text: str | None
    policy: Policy | None = None
    problem: str = ""
    """Why `policy` is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one policy."""

    name: str
    says: str
    diff: tuple[str, ...] = ()


def past_policies(found: Evidence, names: Mapping[str, str]) -> list[PastPolicy]:
    """In the order in which they were asked. `names`: hash → the policy's name."""
    return [
        _past(text.hash, text.text, names.get(text.hash, f"policy {text.hash[:12]}"))
        for text in found.texts
        if text.what == "policy"
    ]


def _past(hash_: str, text: str | None, name: str) -> PastPolicy:
    from mcpbridge.policy import load_policy

    if text is None:
        problem = "its text is not in blobs/, so nobody can tell what it said"
        return PastPolicy(name=name, hash=hash_, text=None, problem=problem)
    try:
        return PastPolicy(name=name, hash=hash_, text=text, policy=load_policy(text, file=name))
    except ConfigurationError as error:
        problem = f"this version cannot read it: {error.problems[0].message}"
        return PastPolicy(name=name, hash=hash_, text=text, problem=problem)


def names_of(records: Iterator[dict[str, Any]]) -> dict[str, str]:
    """Hash → name, by the records that tell of loaded policies."""
    found: dict[str, str] = {}
    for record in records:
        if isinstance(hash_ := record.get("policy_hash"), str) and isinstance(record.get("policy"), str):
            found[hash_] = str(record["policy"])
    return found


def present_policies(args: argparse.Namespace) -> list[Policy] | None:
    """Those of `--policy`, else of the configuration; None where there is none to compare with."""
    from mcpbridge.cli.policy_inputs import policies_of

    if not args.policy and args.config is None and not Path(DEFAULT_CONFIG).exists():
        return None
    return policies_of(args, args.policy)


def changes(past: Sequence[PastPolicy], present: Sequence[Policy]) -> Iterator[Change]:
    """What became of each policy, by its name; where both are alone, by that."""
    by_name = {policy.name: policy for policy in present}
    if len(past) == len(present) == 1:
        by_name = {past[0].name: present[0]}
    for one in past:
        now = by_name.pop(one.name, None)
        if now is None:
            yield Change(name=one.name, says="is not in force any more")
        elif now.hash == one.hash:
            yield Change(name=one.name, says="has not changed since")
        else:
            yield Change(name=one.name, says="has changed since:", diff=tuple(_diff(one, now)))
    for name in by_name:
        yield Change(name=name, says="is new since")


def _diff(past: PastPolicy, now: Policy) -> Iterator[str]:
    lines = difflib.unified_diff(
        (past.text or "").splitlines(), now.text.splitlines(), "then", "now", lineterm="", n=2
    )
    yield from lines
