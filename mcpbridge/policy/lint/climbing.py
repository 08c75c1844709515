"""An allow rule that reads the beginning of an address or a path: `..` climbs out of what it begins with.

Judged by trial: an address that climbs is shown to all conditions on the argument, and let pass or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.page import Page
from mcpbridge.policy.lint.samples import leaves
from mcpbridge.policy.model import Condition, Facts

_PLACE: Final = re.compile(
    r"(?:.*_)?(?:ur[il]s?|paths?|files?|filename|file_?path|folders?|dir(?:ectory)?|location|address)",
    re.IGNORECASE,
)
"""Names of arguments that say where something is."""
_WEB: Final = re.compile(r"(?:https?|wss?|ftp)://[^/]*/?", re.IGNORECASE)
"""Nothing but a host: `..` does not lead out of it (RFC 3986, section 5.2.4)."""
_ROOT: Final = re.compile(r"(?:[A-Za-z][\w+.-]*:)?[/\\]*")
"""`/`, `C:\\` or `file://`: there is nothing above."""
_CLIMBS: Final = ("../x", "%2e%2e/x", "%2E%2E%2Fx")
_NOBODY: Final = Facts(principal="")


def climbing(page: Page, place: int) -> Iterator[Finding]:
    """Every argument of an allow rule of which only the beginning is looked at."""
    if page.rules[place].strictness > 0:
        return
    for one in page.rules[place].when:
        passed = _passed(one) if _PLACE.fullmatch(one.path[-1]) else None
        if passed is not None:
            yield page.find(
                "climbing-text",
                place,
                page.when(one),
                f"`{passed}` passes too, and a server may take it for something outside of what "
                f"`{one.field}` begins with",
                "write what the whole text may look like with `matches`, without `..` and `%`, or for a path "
                "`under`",
            )


def _passed(one: Condition) -> str | None:
    """An address that climbs and satisfies all conditions on the argument."""
    starts = [
        str(leaf.operand)
        for matcher in one.matchers
        for leaf in leaves(matcher)
        if leaf.name == "starts_with" and _leads(str(leaf.operand))
    ]
    texts = (f"{start.removesuffix('/')}/{climb}" for start in starts for climb in _CLIMBS)
    return next((text for text in texts if _holds(one, text)), None)


def _leads(start: str) -> bool:
    """Whether it is the beginning of a path with something above it."""
    named = "/" in start or "\\" in start
    return named and not _ROOT.fullmatch(start) and not _WEB.fullmatch(start)


def _holds(one: Condition, text: str) -> bool:
    return any(
        all(matcher.decide(value, _NOBODY) is True for matcher in one.matchers) for value in (text, [text])
    )
