"""Decisions of an audit log, as far as its level has kept what they were about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from mcpbridge.core.ruling import Effect, Outcome
from mcpbridge.core.secret import MASK
from mcpbridge.policy.replay import HIDDEN, PastCall

_PART: Final = re.compile(r"\[hmac:[0-9a-f]+:[0-9a-f]{64}\]")
_STAND_INS: Final = (
    frozenset({"hmac", "key"}),
    frozenset({"hmac", "key", "size"}),
    frozenset({"sha256", "size"}),
)
"""Keys of what stands for a value that the log hides (docs/audit/secrets.md), or that was too large."""


def past_call(record: Mapping[str, Any], groups: Mapping[str, tuple[str, ...]] | None) -> PastCall:
    """The call that a decision was about. `groups`: group → principals, where they are known."""
    principal = str(record.get("principal") or "")
    return PastCall(
        name=f"{record.get('server_label', '')}.{record.get('tool', '')}",
        arguments=_arguments(record),
        principal=principal,
        groups=None
        if groups is None
        else frozenset(name for name, members in groups.items() if principal in members),
        known_tool=_known(record),
    )


def _arguments(record: Mapping[str, Any]) -> Mapping[str, object] | None:
    """With HIDDEN for what is masked. None where nothing is recorded, or something was lost on the way."""
    value = record.get("arguments")
    if not isinstance(value, dict) or record.get("sanitized"):
        return None
    shown = _shown(cast("dict[str, Any]", value))
    return None if shown is HIDDEN else cast("Mapping[str, object]", shown)


def _shown(value: object) -> object:
    if isinstance(value, str):
        return HIDDEN if MASK in value or _PART.search(value) else value
    if isinstance(value, list):
        return [_shown(item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, object]", value)
    if pairs.keys() in _STAND_INS or any(_shown(key) is HIDDEN for key in pairs):
        return HIDDEN
    return {key: _shown(item) for key, item in pairs.items()}


def _known(record: Mapping[str, Any]) -> bool | None:
    """A definition was seen, or the tool was refused as unknown, or it was allowed; else nobody can tell."""
    if record.get("outcome") == Outcome.UNKNOWN_TOOL.value:
        return False
    if record.get("definition_hash") or record.get("effect") == Effect.ALLOW.value:
        return True
    return None


def was(record: Mapping[str, Any]) -> str:
    """What the policies said then: allow, ask or deny; empty in records without it."""
    effect = record.get("effect")
    return effect if isinstance(effect, str) and effect in {one.value for one in Effect} else ""


def rule_ids(record: Mapping[str, Any]) -> list[str]:
    ids = record.get("rule_ids")
    return [str(one) for one in cast("list[object]", ids)] if isinstance(ids, list) else []


def level(record: Mapping[str, Any]) -> str:
    """How much of the arguments this record keeps."""
    if "arguments" in record:
        return "arguments"
    return "metadata" if "arguments_hmac" in record else "none"


def unaffected(record: Mapping[str, Any]) -> bool:
    """A malformed call is denied before any rule is looked at, under every policy."""
    return record.get("outcome") == Outcome.MALFORMED.value
