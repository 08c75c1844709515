"""`pins:` of a policy: what a changed, new or unknown tool definition means. Pure.

Without a lock file the first listing of a conversation is the pin (trust on first use).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from mcpbridge.core.action import Action, ToolDefinition
from mcpbridge.core.pins import Tools, as_listed, changed_fields, changes
from mcpbridge.core.ruling import Effect, Outcome, RuleMatch, Ruling
from mcpbridge.policy.model import STRICTNESS, Policy
from mcpbridge.policy.pins_model import Pins

_DEFAULT: Final = Pins(on_change=Effect.ASK, on_new_tool=Effect.ASK)
"""Where no policy speaks of pins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the provider listed of one tool in this conversation."""

    now: ToolDefinition | None
    """As last listed; None when it never was."""
    first: ToolDefinition | None
    """As in the first listing of its server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a definition is not the pinned one, and what that means."""

    effect: Effect
    outcome: Outcome
    key: str
    """`on_change`, `on_new_tool` or `on_missing`."""
    reason: str
    fields: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def relists(policies: Sequence[Policy]) -> bool:
    """Whether the provider shall list the tools anew in each turn: unless every `pins:` says never."""
    sections = [policy.pins for policy in policies if policy.pins is not None]
    return not sections or any(section.relist for section in sections)


def against_pins(ruling: Ruling, action: Action, policies: Sequence[Policy], seen: Seen) -> Ruling:
    """The ruling, made stricter by what the pins of each policy object to."""
    pinning = [policy for policy in policies if policy.pins is not None]
    if not pinning and seen.now is seen.first:
        return ruling
    for policy in pinning:
        assert policy.pins is not None
        objection = object_to(action, policy.pins, seen)
        if objection is not None:
            ruling = _tightened(ruling, objection, policy.name, policy.defaults.ask_timeout)
    objection = None if pinning else object_to(action, _DEFAULT, seen)
    return ruling if objection is None else _tightened(ruling, objection, "", None)


def object_to(action: Action, pins: Pins, seen: Seen) -> Objection | None:
    """What one `pins:` section has against this tool; None where it is as pinned."""
    tools = pins.lock.servers.get(action.server_label) if pins.lock is not None else None
    if pins.file and (tools is not None or pins.on_missing is not None):
        return _by_lock(action, pins, tools, seen)
    if seen.now is None:
        return None  # nobody has shown a definition, so nothing is pinned
    if seen.first is None:
        reason = f"{action.name} is new: the server did not list it when this conversation began."
        return Objection(
            effect=pins.on_new_tool, outcome=Outcome.PIN_MISSING, key="on_new_tool", reason=reason
        )
    return _compared(action, pins, seen.first, seen.now, "since this conversation began")


def _by_lock(action: Action, pins: Pins, tools: Tools | None, seen: Seen) -> Objection | None:
    if tools is None:
        assert pins.on_missing is not None
        why = f"no tool of {action.server_label} is pinned in {pins.file}" + (
            "" if pins.lock is not None else ", which is not there"
        )
        return _missing(pins.on_missing, "on_missing", action, why)
    if action.tool not in tools:
        return _missing(pins.on_new_tool, "on_new_tool", action, f"it is not pinned in {pins.file}")
    if seen.now is None:
        return _missing(pins.on_new_tool, "on_new_tool", action, "the provider has not shown its definition")
    pinned = as_listed(tools[action.tool], seen.now)
    return _compared(action, pins, pinned, seen.now, f"since it was pinned in {pins.file}")


def _missing(effect: Effect, key: str, action: Action, why: str) -> Objection:
    reason = f"{action.name}: {why}."
    return Objection(effect=effect, outcome=Outcome.PIN_MISSING, key=key, reason=reason)


def _compared(
    action: Action, pins: Pins, pinned: ToolDefinition, now: ToolDefinition, since: str
) -> Objection | None:
    if pinned.canonical() == now.canonical():  # what the hashes are made of
        return None
    fields = changed_fields(pinned, now)
    names = " and ".join(fields) or "definition"
    return Objection(
        effect=pins.on_change,
        outcome=Outcome.PIN_MISMATCH,
        key="on_change",
        reason=f"{action.name} has changed {since}: {names}.",
        fields=fields,
        lines=changes(pinned, now),
    )


def _tightened(ruling: Ruling, objection: Objection, policy: str, timeout: float | None) -> Ruling:
    predicates = tuple(f"{name} changed" for name in objection.fields) or ("not pinned",)
    match = RuleMatch(
        rule_id=f"pins.{objection.key}", effect=objection.effect, predicates=predicates, policy=policy
    )
    ruling = replace(ruling, matches=(*ruling.matches, match), notes=(*ruling.notes, *objection.lines))
    if STRICTNESS[objection.effect] < STRICTNESS[ruling.effect]:
        return ruling
    if ruling.effect is Effect.DENY:
        return ruling  # denied in any case; the match is on record
    if objection.effect is Effect.DENY:
        return replace(
            ruling, effect=Effect.DENY, outcome=objection.outcome, reason=objection.reason, ask_timeout=None
        )
    waits = [one for one in (ruling.ask_timeout, timeout) if one is not None]
    asked = f"{objection.reason} {ruling.reason}" if ruling.effect is Effect.ASK else objection.reason
    return replace(
        ruling,
        effect=Effect.ASK,
        outcome=None,
        reason=asked,
        ask_timeout=min(waits, default=None),
        grantable=False,
    )
