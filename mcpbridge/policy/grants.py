"""`grants:` — what a person's "always" binds, and how long it holds at most.

    grants: {bind: [recipients, recipient], max_ttl: 8h, max_uses: 20}

A grant stands below deny and above ask: it is looked at only where a person would be asked. It is bound to
the server, the tool's definition, the principal, and the arguments: to all of them exactly, or, where every
policy says `bind`, to those that it names. Pure: the time and the uses come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from mcpbridge.core.action import Action
from mcpbridge.core.duration import seconds, spelled
from mcpbridge.core.values import canonical
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.problems import Problems

if TYPE_CHECKING:
    from mcpbridge.core.conversation import Grant

KEYS: Final = ("bind", "max_ttl", "max_uses")
_SHAPE: Final = "{bind: [recipient], max_ttl: 8h, max_uses: 20}"
_MAX_USES: Final = 1_000_000
_CLOCKS_DIFFER: Final = 300.0
"""Seconds by which the clocks of two machines may differ, as in Kerberos (RFC 4120, 1.6)."""
_FOR_EVER: Final = 1e10
"""Seconds; also refuses NaN and infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantTerms:
    """What a grant may be, by one policy or by several together."""

    bind: frozenset[str] | None = None
    """Names of arguments that must be equal; None binds all of them."""
    max_ttl: float | None = None
    """Seconds; None: until the conversation ends."""
    max_uses: int | None = None


EXACT: Final = GrantTerms()
"""What holds where a policy says nothing: all arguments, until the conversation ends."""


def strictest(terms: Iterable[GrantTerms]) -> GrantTerms:
    """What all policies permit: everything that one of them binds, and the shortest of their times."""
    given = tuple(terms) or (EXACT,)
    exact = any(one.bind is None for one in given)
    return GrantTerms(
        bind=None if exact else frozenset(name for one in given for name in one.bind or ()),
        max_ttl=min((one.max_ttl for one in given if one.max_ttl is not None), default=None),
        max_uses=min((one.max_uses for one in given if one.max_uses is not None), default=None),
    )


def bound(action: Action, terms: GrantTerms) -> dict[str, str]:
    """The arguments that a grant for this call binds, each as canonical JSON. A call that has none of the
    arguments that `bind` names is bound as a whole: else its grant would cover every call of the tool."""
    arguments = action.arguments or {}
    names = [name for name in arguments if terms.bind is None or name in terms.bind]
    return {name: canonical(arguments[name]) for name in names or arguments}


def made(
    action: Action, terms: GrantTerms, *, grant_id: str, principal: str, now: float,
    ttl: float | None, uses: int | None, needs: tuple[str, ...] = (),
) -> Grant:  # fmt: skip
    """The grant that a person's "always" makes. `ttl` and `uses` are within the terms (see `above`)."""
    from mcpbridge.core.conversation import Grant  # reading a policy needs no conversation

    lasts = ttl if ttl is not None else terms.max_ttl
    return Grant(
        id=grant_id,
        fingerprint=action.fingerprint(),
        server_identity=action.server_identity,
        name=action.name,
        definition_hash=action.definition_hash,
        principal=principal,
        request_id=action.request_id,
        bound=bound(action, terms),
        arguments=tuple(sorted(action.arguments or {})),
        made_at=now,
        expires=None if lasts is None else now + lasts,
        uses=uses if uses is not None else terms.max_uses,
        needs=needs,
    )


def above(terms: GrantTerms, *, ttl: float | None, uses: int | None) -> str | None:
    """Why a person cannot give this much; None when they can."""
    if ttl is not None and not (type(ttl) in (int, float) and 0 < ttl < _FOR_EVER):
        return "a grant lasts a positive number of seconds"
    if uses is not None and not (type(uses) is int and uses > 0):
        return "a grant covers a positive whole number of calls"
    if ttl is not None and terms.max_ttl is not None and ttl > terms.max_ttl:
        return f"a grant lasts {spelled(terms.max_ttl)} at most, not {spelled(ttl)}"
    if uses is not None and terms.max_uses is not None and uses > terms.max_uses:
        return f"a grant covers {terms.max_uses} calls at most, not {uses}"
    return None


def concerns(grant: Grant, action: Action, principal: str) -> bool:
    """Whether a grant is about this tool, these arguments and this principal: so that, if it does not hold,
    somebody wants to know why."""
    same_tool = (grant.server_identity, grant.name) == (action.server_identity, action.name)
    if not same_tool or grant.principal != principal or action.arguments is None:
        return False
    # An argument that the person never saw may be another recipient.
    if not {*action.arguments} <= {*grant.arguments}:
        return False
    return all(
        name in action.arguments and canonical(action.arguments[name]) == text
        for name, text in grant.bound.items()
    )


def refusal(
    grant: Grant, action: Action, terms: GrantTerms, now: float, needs: Sequence[str] = ()
) -> str | None:
    """Why a grant that concerns this call does not hold for it, by today's terms; None when it does."""
    if grant.definition_hash != action.definition_hash:
        return "the tool's definition changed"
    over = _over(grant, terms, now)
    if over is not None:
        return over
    if grant.uses is not None and grant.used >= grant.uses:
        return "it is used up"
    if terms.max_uses is not None and grant.used >= terms.max_uses:
        return "it was used as often as the policy permits now"
    if not {*needs} <= {*grant.needs}:
        return "other people have to agree now"
    now_bound = bound(action, terms)
    if any(grant.bound.get(name) != text for name, text in now_bound.items()):
        return "the policy binds more arguments now"
    return None


def _over(grant: Grant, terms: GrantTerms, now: float) -> str | None:
    """Why its time is over."""
    if now < grant.made_at - _CLOCKS_DIFFER:
        return "it was made later than now: a clock was set back, so nobody knows how old it is"
    if grant.expires is not None and now >= grant.expires:
        return "it expired"
    if terms.max_ttl is not None and now >= grant.made_at + terms.max_ttl:
        return "it is older than the policy permits now"
    return None


def holding(
    grants: Sequence[Grant],
    action: Action,
    terms: GrantTerms,
    *,
    principal: str,
    now: float,
    needs: Sequence[str] = (),
) -> tuple[Grant | None, tuple[tuple[Grant, str], ...]]:
    """The grant that covers the call, if there is one; else those that nearly do, and why they do not."""
    refused: list[tuple[Grant, str]] = []
    for grant in grants:
        if not concerns(grant, action, principal):
            continue
        why = refusal(grant, action, terms, now, needs)
        if why is None:
            return grant, ()
        refused.append((grant, why))
    return None, tuple(refused)


def offer(action: Action, terms: GrantTerms) -> tuple[str, ...]:
    """What "always" would bind, for the person who is asked, line by line."""
    names = sorted(bound(action, terms))
    everything = names == sorted(action.arguments or {})
    what = (
        "exactly these arguments" if everything else f"{', '.join(names)} as shown; other values may differ"
    )
    until = (
        "until the conversation ends" if terms.max_ttl is None else f"for {spelled(terms.max_ttl)} at most"
    )
    times = "" if terms.max_uses is None else f", {terms.max_uses} calls at most"
    return (f"binds to {action.server_identity}, this tool as it is now, and", f"{what}, {until}{times}")


def read_grants(value: object, at: Path, problems: Problems) -> GrantTerms:
    """`grants:`, read and checked."""
    mapping = problems.mapping(value, at, _SHAPE)
    if mapping is None:
        return EXACT
    if not mapping:
        problems.add(at, f"empty `grants` say nothing; remove them, or write {_SHAPE}")
    problems.known_keys(mapping, at, "key of `grants`", KEYS)
    bind = (
        frozenset(text for _, text in problems.texts(mapping["bind"], (*at, "bind"), "recipient"))
        if "bind" in mapping
        else None
    )
    ttl = seconds(mapping.get("max_ttl"))
    if ttl is None and "max_ttl" in mapping:
        problems.add((*at, "max_ttl"), "write a duration such as 30m or 8h")
    uses = mapping.get("max_uses")
    if "max_uses" in mapping and (type(uses) is not int or not 1 <= uses <= _MAX_USES):
        problems.add((*at, "max_uses"), f"write a whole number from 1 to {_MAX_USES}")
    return GrantTerms(
        bind=bind, max_ttl=ttl, max_uses=cast("int | None", uses) if type(uses) is int else None
    )


def plain(grant: Grant) -> dict[str, Any]:
    """What the audit holds of a grant: names, times and counts; the values are in its call's record."""
    return {
        "grant_id": grant.id,
        "bound": sorted(grant.bound),
        "expires": grant.expires,
        "uses": grant.uses,
        "used": grant.used,
    }
