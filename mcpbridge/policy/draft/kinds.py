"""What a tool seems to do, from its name; its description and annotations only make it graver.

A name is a claim by the server, like everything else in a definition. That is why a person reads the draft.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.policy.draft.roles import Guess
from mcpbridge.policy.draft.vocabulary import (
    COMMANDS,
    CONNECTORS,
    DESTINATIONS,
    EFFECTS,
    FILES,
    NEVER_NOUNS,
    PERMISSIONS,
    RETURNS,
    SECRET_PAIRS,
    SECRET_PAIRS_TOLD,
    SECRETS,
    SECRETS_TOLD,
    VERBS,
    Kind,
    Role,
)
from mcpbridge.policy.draft.words import singular, words

_GRAVITY: Final = {kind: place for place, kind in enumerate(Kind)}
_BENIGN: Final = (Kind.MAKE, Kind.CHANGE, Kind.SEND, Kind.PAY)

Found = tuple[Kind, str]
"""A kind, and why."""


def guess_kind(tool: ToolDefinition, guesses: Sequence[Guess]) -> Found:
    """The gravest of what the name, the description, the parameters and the annotations say."""
    kind, why = _by_name(tool)
    if kind is Kind.READ:
        kind, why = _doubted(tool, guesses, kind, why)
    kind, why = _sensitive(tool, guesses, kind, why)
    return _annotated(tool.annotations, kind, why)


def _by_name(tool: ToolDefinition) -> Found:
    parts = words(tool.name)
    verbs = [(place, kind, word) for place, word in enumerate(parts) for kind in [_kind_of(word)] if kind]
    if not verbs:
        return _by_description(tool)
    if verbs[0][0] == 0:
        verbs = [verbs[0], *(one for one in verbs[1:] if _counts(parts, one[0]))]
    _, kind, word = max(verbs, key=lambda one: _GRAVITY[one[1]])
    return kind, f"verb `{word}`"


def _kind_of(word: str) -> Kind | None:
    return max(
        (kind for kind, known in VERBS.items() if word in known), key=_GRAVITY.__getitem__, default=None
    )


def _counts(parts: Sequence[str], place: int) -> bool:
    """Whether a later word of a name is a verb, and not the noun of what is listed, sent or made."""
    return parts[place] in NEVER_NOUNS or parts[place - 1] in CONNECTORS


def _by_description(tool: ToolDefinition) -> Found:
    told = words(tool.description)
    if told and singular(told[0]) in RETURNS:
        return Kind.READ, f"no verb in its name; its description begins with `{told[0]}`"
    return Kind.UNKNOWN, "no verb that we know in its name"


def _doubted(tool: ToolDefinition, guesses: Sequence[Guess], kind: Kind, why: str) -> Found:
    """A read that does something besides."""
    effects = sorted(EFFECTS.intersection(words(tool.description)))
    if effects:
        return Kind.UNKNOWN, f"{why}, but its description says `{effects[0]}`"
    for guess in guesses:
        parts = words(guess.parameter.name)
        if guess.role is Role.PATH and DESTINATIONS.intersection(parts) and _among_files(guess, guesses):
            return Kind.UNKNOWN, f"{why}, but it writes to `{guess.parameter.name}`"
        if COMMANDS.intersection(parts) and guess.role is Role.CODE:
            return Kind.RUN, f"{why}, but it runs what stands in `{guess.parameter.name}`"
    return kind, why


def _among_files(one: Guess, guesses: Sequence[Guess]) -> bool:
    """Whether it is a file, by its own name or because something else is a file or an address."""
    others = [guess for guess in guesses if guess is not one and guess.role in (Role.PATH, Role.URL)]
    return bool(others) or not FILES.isdisjoint(words(one.parameter.name))


def _sensitive(tool: ToolDefinition, guesses: Sequence[Guess], kind: Kind, why: str) -> Found:
    parts = tuple(singular(word) for word in words(tool.name))
    secret = _found(parts, SECRETS, SECRET_PAIRS)
    if secret:
        return Kind.SECRET, f"`{secret[0]}` in its name"
    if kind is Kind.READ:
        told = [singular(word) for word in words(tool.description)]
        secret = _found(told, SECRETS_TOLD, SECRET_PAIRS_TOLD)
        return (Kind.SECRET, f"{why}, but `{secret[0]}` in its description") if secret else (kind, why)
    rights = sorted(PERMISSIONS.intersection(parts))
    if rights:
        return Kind.SECRET, f"{why} and `{rights[0]}` in its name"
    for guess in guesses:
        if guess.role is Role.SECRET:
            return Kind.SECRET, f"{why}, and it takes `{guess.parameter.name}`"
        if guess.role is Role.CODE and len(words(guess.parameter.name)) == 1:
            return Kind.RUN, f"{why}, and it takes `{guess.parameter.name}`"
    return kind, why


def _found(parts: Sequence[str], singles: frozenset[str], pairs: Sequence[tuple[str, str]]) -> list[str]:
    return sorted(singles.intersection(parts)) or [" ".join(two) for two in pairwise(parts) if two in pairs]


def _annotated(annotations: Mapping[str, Any], kind: Kind, why: str) -> Found:
    """Annotations are claims: one that says *worse* is believed, one that says *better* is not."""
    if kind is Kind.READ and annotations.get("readOnlyHint") is False:
        return Kind.UNKNOWN, f"{why}, but the server says that it does not only read"
    if annotations.get("destructiveHint") is True:
        if kind is Kind.READ:
            return Kind.UNKNOWN, f"{why}, but the server calls it destructive"
        if kind in _BENIGN:
            return Kind.DESTROY, f"{why}, and the server calls it destructive"
    return kind, why
