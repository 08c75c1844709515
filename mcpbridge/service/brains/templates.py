"""Templates: `{{user}}`, `{{last_output}}`, `{{denial_reason}}`, `{{seen:REGEX}}`, `{{id:PREFIX}}`,
`{{round}}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mcpbridge.service.items.sight import OUTPUTS, Kind, Sight
from mcpbridge.service.wire import Ids, is_list, is_object

_TEMPLATE = re.compile(
    r"\{\{\s*(user|last_output|denial_reason|round|seen:(?P<seen>.+?)|id:(?P<id>\w+))\s*\}\}"
)


def render(text: str, sight: Sight, ids: Ids, round: int = 1) -> str:
    """The text with its templates filled from what the model sees. What is not in sight becomes "".

    `round` counts the repetitions of the step from 1.
    """

    def fill(found: re.Match[str]) -> str:
        if found["id"]:
            return ids.new(found["id"])
        if found["seen"]:
            return _capture(found["seen"], sight.everything())
        if found[1] == "round":
            return str(round)
        return _NAMED[found[1]](sight)

    return _TEMPLATE.sub(fill, text)


def render_all(value: Any, sight: Sight, ids: Ids, round: int = 1) -> Any:
    """Every string inside a JSON value rendered."""
    if isinstance(value, str):
        return render(value, sight, ids, round)
    if is_object(value):
        return {key: render_all(inner, sight, ids, round) for key, inner in value.items()}
    if is_list(value):
        return [render_all(inner, sight, ids, round) for inner in value]
    return value


def _last(*kinds: Kind) -> Callable[[Sight], str]:
    def text(sight: Sight) -> str:
        found = sight.last(*kinds)
        return found.text if found else ""

    return text


_NAMED = {"user": _last(Kind.USER), "last_output": _last(*OUTPUTS), "denial_reason": _last(Kind.DENIED)}


def _capture(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    if found is None:
        return ""
    return found[1] if found.re.groups else found[0]
