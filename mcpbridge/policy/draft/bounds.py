"""From kind and roles to the conditions of one allow rule, or to the reason why there can be none.

Every allowed write rests on at least one argument that the user wrote. A parameter that can be bound to
nothing is left out of the rule, so that a call which uses it asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.policy.draft.parameters import Parameter, hidden
from mcpbridge.policy.draft.roles import Guess, guess_role
from mcpbridge.policy.draft.vocabulary import COINS, MONEY, OPEN_WEB, REPEATS, WIDENING, Kind, Role
from mcpbridge.policy.draft.words import words

GROUNDED: Final = "grounded: user_text"
NO_LINKS: Final = "no_new_links: user_text"
SMALL: Final = 100
"""An amount up to this may go to somebody whom the user named, without the user's own number. A number for
the reader to set: it stands in the rule, with a comment."""
ONCE: Final = "eq: false"
_QUERY: Final = 200
"""Characters of a search that leaves; longer ones could carry what was read."""

_EITHER: Final = f"any_of: [{{{GROUNDED}}}, {{gt: 0, le: {SMALL}}}]"

_QUERIED: Final = f"{NO_LINKS}, max_len: {_QUERY}"
_SPOKEN: Final = frozenset({Role.TEXT, Role.NAME, Role.TITLE, Role.PLACE, Role.CODE})
_READ_WHY: Final = {GROUNDED: "where it goes", _QUERIED: "it may leave with the search"}
_ANCHORS: Final = frozenset({Role.RECIPIENT, Role.URL, Role.PATH, Role.NAME, Role.AMOUNT, Role.PLACE})
"""Roles whose value says what a call is about; bound wherever something is changed, made, sent or paid."""
_VALUES: Final = frozenset({Role.TEXT, Role.TITLE, Role.AMOUNT, Role.TIME})
"""Roles of what something is changed to, rather than of what is changed."""
_KEYS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SAYABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,}")
"""A choice that `grounded` can find: shorter ones tell nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One line of `when:`."""

    guess: Guess
    matcher: str
    """What stands after `name:`, as YAML in flow style."""
    why: str

    @property
    def parameter(self) -> Parameter:
        return self.guess.parameter

    @property
    def grounded(self) -> bool:
        """Whether the user's words alone can satisfy it."""
        return GROUNDED in self.matcher and "any_of" not in self.matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is drafted for one tool. Without `refusal` it is allowed, under `bounds` if there are any."""

    bounds: tuple[Bound, ...] = ()
    refusal: str = ""
    left_out: tuple[Guess, ...] = ()
    """Parameters that the rule does not name, so that a call with one of them asks."""
    others: bool = False
    """Whether parameters without a bound do not matter."""


REFUSED: Final = {
    Kind.DESTROY: "it destroys or takes back",
    Kind.RUN: "it runs or starts something",
    Kind.SECRET: "it concerns credentials or rights",
    Kind.UNKNOWN: "it is not clear what it does",
}


def judge(tool: ToolDefinition, kind: Kind, guesses: Sequence[Guess]) -> Verdict:
    """The draft for one tool."""
    if kind in REFUSED:
        return Verdict(refusal=REFUSED[kind])
    unnamed = [
        one.parameter.name for one in guesses if one.parameter.required and not nameable(one.parameter.name)
    ]
    if unnamed:
        return Verdict(refusal=f"no rule can name its parameter {json.dumps(unnamed[0])}")
    if kind is Kind.READ:
        return _read(tool, guesses)
    told = {one.role for one in guesses if one.parameter.required}
    if kind is Kind.SEND and not told & {Role.RECIPIENT, Role.URL}:
        return Verdict(refusal="no parameter that a call must have says to whom it goes")
    return _write(tool, kind, guesses)


def nameable(name: str) -> bool:
    """Whether `when:` can name the parameter (a dot is a path there, a `?` makes it optional)."""
    return _KEYS.fullmatch(name) is not None


def sayable(parameter: Parameter) -> str | None:
    """One of the parameter's choices that a user could have written."""
    return next((one for one in parameter.choices if isinstance(one, str) and _SAYABLE.fullmatch(one)), None)


def _read(tool: ToolDefinition, guesses: Sequence[Guess]) -> Verdict:
    """A read runs, unless what it is asked for goes out: an address, or the query of an open search."""
    if hidden(tool.input_schema):
        return Verdict(refusal="its schema has parts that we do not read")
    outside = bool(OPEN_WEB.intersection((*words(tool.name), *words(tool.description))))
    outside = outside or tool.annotations.get("openWorldHint") is True
    bounds: list[Bound] = []
    for guess in guesses:
        if guess.role is Role.OPAQUE and (outside or _addresses(guess.parameter)):
            return Verdict(refusal=f"`{guess.parameter.name}` may say where it goes, and cannot be bound")
        matcher = (
            GROUNDED if guess.role is Role.URL else _QUERIED if outside and guess.role in _SPOKEN else ""
        )
        bound = _bound(guess, matcher, _READ_WHY[matcher]) if matcher else None
        if matcher and bound is None:
            return Verdict(refusal=f"no rule can name its parameter {json.dumps(guess.parameter.name)}")
        bounds += [bound] if bound else []
    return Verdict(bounds=tuple(bounds), others=bool(bounds))


def _addresses(parameter: Parameter) -> bool:
    """Whether a structure has a field that looks like an address."""
    found = (guess_role(Parameter(name=name, shape="string")) for name in parameter.below)
    return any(guess.role is Role.URL for guess in found)


def _write(tool: ToolDefinition, kind: Kind, guesses: Sequence[Guess]) -> Verdict:
    rules = _RULES[kind]
    required = [guess for guess in guesses if guess.parameter.required]
    coins = COINS.intersection((*words(tool.name), *words(tool.description)))
    state = _State(
        kind=kind,
        anchored=any(guess.role in _ANCHORS for guess in required),
        valued=any(guess.role in _VALUES for guess in guesses),
        begins=any(guess.role is Role.TIME for guess in required),
        named=not coins and any(guess.role is Role.RECIPIENT for guess in required),
    )
    found = [(guess, rules(state, guess)) for guess in guesses]
    bounds = tuple(bound for _, bound in found if bound is not None)
    left_out = tuple(guess for guess, bound in found if bound is None)
    stuck = [guess for guess in left_out if guess.parameter.required]
    if stuck:
        return Verdict(refusal=f"`{stuck[0].parameter.name}` can be bound to nothing ({stuck[0].why})")
    if not any(bound.grounded and (bound.parameter.required or kind is Kind.CHANGE) for bound in bounds):
        return Verdict(refusal="no argument that a call must have can be held against the user's words")
    return Verdict(bounds=bounds, left_out=left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What the other parameters mean for one."""

    kind: Kind
    anchored: bool
    """Something required says what the call is about."""
    valued: bool
    """It is given a new value, which can be held against the user's words instead of an id."""
    begins: bool
    """A time is required, so that an end alone cannot be changed."""
    named: bool
    """Somebody who gets it is required, and it is ordinary money if it is money."""


def _bind(state: _State, guess: Guess) -> Bound | None:
    """For what is made, sent and paid."""
    match guess.role:
        case Role.OPAQUE | Role.SECRET | Role.CODE:
            return None
        case Role.SWITCH:
            return _switch(guess)
        case Role.AMOUNT:
            return _amount(state, guess)
        case Role.TIME | Role.END | Role.OPTION:
            return None if widening(guess) else _bound(guess, "", "no place to send anything to")
        case _ if _is_free_text(state, guess.role):
            return _bound(guess, NO_LINKS, "free text: nothing to click or to pay into")
        case Role.ID if state.anchored and state.kind is not Kind.PAY:
            return _bound(guess, "", _READ_BEFORE)
        case _:
            return _bound(guess, GROUNDED, _SINKS.get(guess.role, "what it is about"))


def _is_free_text(state: _State, role: Role) -> bool:
    if role is Role.TITLE:
        return state.anchored
    return role is Role.TEXT or (role is Role.PLACE and state.kind is Kind.MAKE)


def _amount(state: _State, guess: Guess) -> Bound | None:
    if state.named and MONEY.intersection(words(guess.parameter.name)):
        return _bound(guess, _EITHER, f"how much: the user's number, or up to {SMALL}; set what you can bear")
    return _bound(guess, GROUNDED, _SINKS[Role.AMOUNT])


def _bind_change(state: _State, guess: Guess) -> Bound | None:
    """For what is changed: every new value must be the user's own."""
    match guess.role:
        case Role.OPAQUE | Role.SECRET | Role.CODE | Role.SWITCH:
            return None
        case Role.ID if state.valued:
            return _bound(guess, "", _READ_BEFORE)
        case Role.OPTION if guess.parameter.choices and not sayable(guess.parameter):
            return None
        case Role.END if state.begins:
            return _bound(guess, "", "it follows from the beginning")
        case _:
            return _bound(guess, GROUNDED, _SINKS.get(guess.role, "the new value"))


_READ_BEFORE: Final = "which one; it was read before, so it is not in the user's words"
_SINKS: Final = {
    Role.RECIPIENT: "who gets it",
    Role.URL: "where it goes",
    Role.PATH: "what is written to",
    Role.AMOUNT: "how much",
}
_RULES: Final[dict[Kind, Callable[[_State, Guess], Bound | None]]] = {
    Kind.MAKE: _bind,
    Kind.SEND: _bind,
    Kind.PAY: _bind,
    Kind.CHANGE: _bind_change,
}


def _switch(guess: Guess) -> Bound | None:
    if REPEATS.intersection(words(guess.parameter.name)):
        return _bound(guess, ONCE, "once; repeating asks")
    return None if widening(guess) else _bound(guess, "", "a switch")


def widening(guess: Guess) -> bool:
    """Whether a switch, or every choice, opens something to more people or breaks a safeguard."""
    if guess.parameter.choices:
        return not harmless(guess.parameter)
    return guess.role is Role.SWITCH and bool(WIDENING.intersection(words(guess.parameter.name)))


def harmless(parameter: Parameter) -> list[str | int | float]:
    """The choices that widen nothing."""
    return [one for one in parameter.choices if WIDENING.isdisjoint(words(str(one)))]


def _bound(guess: Guess, matcher: str, why: str) -> Bound | None:
    """The matcher on the parameter itself, or on each item of a list. None where it cannot be written."""
    parameter = guess.parameter
    if not nameable(parameter.name):
        return None
    inner = matcher or _typed(parameter)
    if parameter.many:
        inner = f"{'min_items: 1, ' if parameter.required else ''}each: {{{inner}}}"
    return Bound(guess=guess, matcher=f"{{{inner}}}", why=f"{why} ({guess.why})")


def _typed(parameter: Parameter) -> str:
    if parameter.choices and not parameter.many:
        return f"in: {json.dumps(harmless(parameter), ensure_ascii=False)}"
    if parameter.shape == "boolean":
        return "type: boolean"
    if parameter.shape in ("number", "numbers"):
        return "type: number"
    return f"type: string, max_len: {_QUERY}"
