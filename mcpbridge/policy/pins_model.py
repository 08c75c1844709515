"""A policy's `pins:` section, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcpbridge.core.ruling import Effect
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.problems import Problems

if TYPE_CHECKING:
    from mcpbridge.core.pins import Lock

KEYS: Final = ("file", "on_change", "on_new_tool", "on_missing", "relist")
FIRST_USE: Final = "first_use"
_EFFECTS: Final = ("ask", "deny")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What holds where a tool is not what somebody reviewed."""

    file: str = ""
    """As the policy names it; empty: the first listing of each conversation is the pin."""
    path: str = ""
    """Where it was looked for."""
    lock: Lock | None = None
    """What was in it; None when the file is not there."""
    hash: str = ""
    """SHA-256, hex, of the file's text."""
    on_change: Effect = Effect.ASK
    on_new_tool: Effect = Effect.DENY
    """The server is pinned, and this tool of it is not."""
    on_missing: Effect | None = Effect.DENY
    """No tool of the server is pinned. None: the first listing of each conversation is the pin."""
    relist: bool = True
    """Whether the provider lists the tools anew in each turn."""


def read_pins(value: object, problems: Problems) -> Pins | None:
    """The section, checked."""
    at: Path = ("pins",)
    found = problems.mapping(value, at, "`pins:` with {file: tools.lock, on_change: ask, on_new_tool: deny}")
    if found is None:
        return None
    problems.known_keys(found, at, "key of `pins`", KEYS)
    file = found.get("file")
    if "file" in found and (not isinstance(file, str) or not file.strip()):
        problems.add((*at, "file"), "write the name of the file that `mcpbridge pin` writes: tools.lock")
    if "on_missing" in found and "file" not in found:
        problems.add((*at, "on_missing"), "`on_missing` needs a `file`: add `file: tools.lock`, or remove it")

    def word(key: str, default: str, allowed: Sequence[str]) -> str:
        return problems.one_of(found.get(key, default), (*at, key), allowed) or default

    new_tool = word("on_new_tool", "deny", _EFFECTS)
    missing = word("on_missing", new_tool, (*_EFFECTS, FIRST_USE))
    return Pins(
        file=file if isinstance(file, str) else "",
        on_change=Effect(word("on_change", "ask", _EFFECTS)),
        on_new_tool=Effect(new_tool),
        on_missing=None if missing == FIRST_USE else Effect(missing),
        relist=word("relist", "turn", ("turn", "never")) == "turn",
    )
