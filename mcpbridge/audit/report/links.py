"""The commands that lead from a figure to its records."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mcpbridge.audit.report.tally import LONGEST, NOBODY

_ID: Final = re.compile("[a-z]{2,8}_[0-9A-Za-z_-]+")
"""What `audit show` takes for an id, and not for a path."""
_PATTERN: Final = frozenset("*?[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """`place`: what the report was asked for (a path, or `-c FILE`), `period`: its options."""

    place: tuple[str, ...] = ()
    period: tuple[str, ...] = ()

    def show(self, *options: str, tool: str = "", rule: str = "", approver: str = "") -> str:
        """`audit show` with these filters. A name that cannot be typed is left out, so that more is shown
        rather than nothing."""
        words = ["mcpbridge", "audit", "show", *self.place, *options]
        if tool and not tool.startswith("("):  # a remark of ours, not a name
            words += ["--tool", _glob(tool)]
        words += [
            word
            for option, value in (("--rule", rule), ("--approver", approver))
            if value and _typable(value)
            for word in (option, value)
        ]
        return _line([*words, *self.period])

    def server(self, label: str, *types: str) -> str:
        """Records about a server, of these types."""
        words = [word for kind in types for word in ("--type", kind)]
        return self.show(*(["--server", label] if _typable(label) and label else []), *words)

    def principal(self, name: str) -> str:
        """Decisions on somebody's behalf."""
        whose = ["--principal", "" if name == NOBODY else name] if _typable(name) else []
        return self.show("--type", "decision", *whose)

    def request(self, request_id: object) -> str:
        """All evidence of one request, also outside the period."""
        if not isinstance(request_id, str) or not request_id or not _typable(request_id):
            return self.show()
        named = [request_id] if _ID.fullmatch(request_id) else ["--request", request_id]
        return _line(["mcpbridge", "audit", "show", *self.place, *named])

    def other(self, command: str) -> str:
        """Another command about the same log, such as `reconcile`."""
        return _line(["mcpbridge", "audit", command, *self.place])


def _typable(name: str) -> bool:
    return name.isprintable() and len(name) <= LONGEST and not name.startswith("-")


def _glob(name: str) -> str:
    """A pattern for exactly this name, or for what of it can be typed."""
    start = name[:LONGEST]
    cut = "*" if len(name) > LONGEST else ""
    # A hyphen at the beginning would be taken for an option.
    hidden = ["?" if one in _PATTERN or not one.isprintable() else one for one in start]
    return "".join(["?" if start[:1] == "-" else hidden[0], *hidden[1:]]) + cut


def _line(words: Sequence[str]) -> str:
    return shlex.join(words)
