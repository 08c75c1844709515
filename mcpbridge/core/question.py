"""What a person is asked, and exactly what they are shown. The audit keeps the screen by its hash."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.approval import Approval
from mcpbridge.core.ruling import Ruling
from mcpbridge.core.values import for_people

_MAX_VALUE: Final = 4_000
"""Characters of one argument shown; the rest is counted, never hidden silently."""
_MAX_NAME: Final = 200
_NAME_COLUMN: Final = 32
"""One endless argument name must not pad the lines of all others."""
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Printable to Unicode, and nothing to see: a whole word could hide in them. Variation selectors too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a server wants to know in the middle of a call, for an approver that can show a form."""

    form: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """A flat JSON Schema of the answer, which an approver gives as `Approve.arguments`."""
    url: str = ""
    """Instead of a form: a page that a person is to visit. Nobody has fetched it."""
    id: str = ""
    """How the server calls its question, where it has a name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One action that a person must decide."""

    action: Action
    ruling: Ruling
    conversation_id: str
    principal: str
    screen: str
    """What the approver must show, sanitised; a decision is bound to it."""
    timeout: float | None = None
    """Seconds until silence becomes `timeout`."""
    grantable: bool = True
    """Whether an "always" makes a grant; the screen says what it would bind."""
    needs: tuple[Approval, ...] = ()
    """Who has to agree; empty: any one person, and a claimed name suffices."""
    agreed: tuple[str, ...] = ()
    """Who has agreed so far, where one person is not enough."""
    may_answer: tuple[str, ...] = ()
    """With `needs`: whose yes would count now; empty: anybody's who is authenticated."""
    wanted: Wanted | None = None
    """Set where a server asks something while its call runs; the screen says the same in words."""
    editable: bool = True
    """Whether a person may write other values: not where a yes is for what is shown, or for nothing."""
    reply: bool = False
    """Whether a yes sends what is shown to a server; otherwise it runs something."""
    objection: Callable[[Mapping[str, Any]], str | None] | None = field(
        default=None, compare=False, repr=False
    )
    """Says what is wrong with values that a person writes, so that they hear of it at once; None where
    nobody can say."""

    @property
    def screen_hash(self) -> str:
        return hashlib.sha256(self.screen.encode()).hexdigest()


def visible(text: str, *, newlines: bool = True) -> str:
    """Text that cannot move the cursor, reorder or hide itself: controls and bidi marks are written out."""
    return "".join(_shown(character, newlines) for character in text)


def _blank(character: str) -> bool:
    return (
        character in _BLANK or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    )


def _shown(character: str, newlines: bool) -> str:
    if character == "\n" and newlines:
        return character
    if character.isprintable() and character not in _BIDI and not _blank(character):
        return character
    if unicodedata.category(character) in ("Zs",):
        return " "
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def screen(
    action: Action,
    ruling: Ruling,
    *,
    principal: str,
    always: Sequence[str] = (),
    needs: Sequence[Approval] = (),
    doubtful: bool = False,
) -> str:
    """The question as plain text, under 80 columns where the values allow it.

    `always` is what a grant would bind, line by line; `needs` is who has to agree. `doubtful`: an earlier
    attempt at this very call may have taken effect.
    """
    rules = ", ".join(ruling.rule_ids) or "the policy's default"
    lines = [
        f"{principal or 'the model'} wants to call {action.name}",
        f"  server     {action.server_identity} ({_VIA[action.via]})",
        *(["  ATTENTION  an earlier attempt at this call may have taken effect"] if doubtful else []),
        *_argument_lines(action.arguments),
        f"  asked by   {rules}" + (f": {' '.join(ruling.reason.split())}" if ruling.reason else ""),
        *(f"  {'changed' if number == 0 else '':<11}{note}" for number, note in enumerate(ruling.notes)),
        *_block("needs", [one.text for one in needs]),
        *_block("always", always),
    ]
    return "\n".join(visible(line, newlines=False) for line in lines)


_VIA: Final = {
    "hosted": "called by the model provider",
    "bridge": "called by mcpbridge",
    "local": "a function in this process",
}


def _block(head: str, lines: Sequence[str]) -> list[str]:
    return [f"  {head if number == 0 else '':<11}{line}" for number, line in enumerate(lines)]


def _argument_lines(arguments: Any) -> list[str]:
    if not arguments:
        return ["  arguments  none"]
    names = [_short(visible(str(key), newlines=False), _MAX_NAME) for key in arguments]
    width = min(max(map(len, names)), _NAME_COLUMN)
    lines: list[str] = []
    for number, (name, value) in enumerate(zip(names, arguments.values(), strict=True)):
        head = "  arguments  " if number == 0 else "             "
        text = visible(_short(for_people(value), _MAX_VALUE), newlines=False)
        lines.append(f"{head}{name.ljust(width)}  {text}")
    return lines


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} more characters)"
