"""What a parameter seems to hold, from its name, its type and its format; the description only tightens."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from mcpbridge.policy.draft.parameters import Parameter
from mcpbridge.policy.draft.vocabulary import COMMANDS, FORMATS, PAGES, ROLES, SECRET_PAIRS, TOLD, Role
from mcpbridge.policy.draft.words import singular, words

_NUMERIC: Final = frozenset({"number", "numbers"})
_WHERE_TO: Final = frozenset({Role.RECIPIENT, Role.URL})
_VAGUE: Final = frozenset({Role.NAME, Role.TEXT, Role.OPTION, Role.ID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A parameter with its role, and what made us think so."""

    parameter: Parameter
    role: Role
    why: str


def guess_role(parameter: Parameter) -> Guess:
    """A name without a known word is a NAME: something that identifies, so that it gets bound."""
    role, why = _by_shape(parameter)
    if role is Role.NAME:
        role, why = _by_name(parameter)
    by_format = FORMATS.get(parameter.format)
    if by_format is not None and (role in _VAGUE or (by_format in _WHERE_TO and role not in _WHERE_TO)):
        role, why = by_format, f"format `{parameter.format}`"
    return _tightened(parameter, role, why)


def _by_shape(parameter: Parameter) -> tuple[Role, str]:
    if parameter.shape == "opaque":
        return Role.OPAQUE, "a structure or a mixed type"
    if parameter.shape == "boolean":
        return Role.SWITCH, "true or false"
    if parameter.choices:
        return Role.OPTION, "one of a fixed list"
    return Role.NAME, ""


def _by_name(parameter: Parameter) -> tuple[Role, str]:
    parts = tuple(singular(word) for word in words(parameter.name))
    known = [(role, word) for word in parts for role in [_role_of(word)] if role is not None]
    if any(pair in SECRET_PAIRS for pair in pairwise(parts)):
        return Role.SECRET, f"words `{' '.join(parts)}`"
    if not known:
        numeric = parameter.shape in _NUMERIC
        return (Role.OPTION, "a number") if numeric else (Role.NAME, "no word that we know in its name")
    role, word = _whose(known) if known[-1][0] is Role.ID else known[-1]
    if role is Role.TIME and any(one is Role.END for one, _ in known):
        role = Role.END
    return _corrected(role, word, parameter, parts), f"word `{word}`"


def _corrected(role: Role, word: str, parameter: Parameter, parts: tuple[str, ...]) -> Role:
    """Words that mean something else beside others, or in another type."""
    match role:
        case Role.SECRET if parameter.shape != "string" or not PAGES.isdisjoint(parts):
            return Role.OPTION  # `max_tokens`, `page_token`
        case Role.CODE if len(parts) > 1 and word not in COMMANDS:
            return Role.ID  # `country_code`
        case Role.AMOUNT if parameter.shape not in _NUMERIC:
            return Role.NAME
        case _:
            return role


def _role_of(word: str) -> Role | None:
    return next((role for role, known in ROLES.items() if word in known), None)


def _whose(known: list[tuple[Role, str]]) -> tuple[Role, str]:
    """The id of a person or a place where things go (`user_id`, `channel_id`) is where they go."""
    return next((one for one in known if one[0] in _WHERE_TO), known[-1])


def _tightened(parameter: Parameter, role: Role, why: str) -> Guess:
    if role in (Role.NAME, Role.ID, Role.OPTION) and not parameter.choices:
        told = {singular(word) for word in words(parameter.description)}
        for stricter, signs in TOLD:
            if found := sorted(told & signs):
                return Guess(parameter=parameter, role=stricter, why=f"`{found[0]}` in its description")
    return Guess(parameter=parameter, role=role, why=why)
