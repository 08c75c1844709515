"""`limits:` — how often tools may be called, per conversation, principal, tool, server and time.

limits:
  - {tools: ["*"], calls: 200, per: conversation}
  - {tools: [mail.send], calls: 5, per: 1h}
  - {tools: ["bank.*"], calls: 3, per: [principal, tool, 24h]}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from mcpbridge.core.action import Action
from mcpbridge.core.duration import seconds, spelled
from mcpbridge.core.quota import Quota
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.glob import Glob, tool_pattern_problem
from mcpbridge.policy.problems import Problems

KEYS: Final = ("tools", "calls", "per")
SCOPES: Final = ("conversation", "principal", "server", "tool")
_SHAPE: Final = "{tools: [mail.send], calls: 5, per: 1h}"
_PER: Final = (
    "`conversation`, `principal`, a duration such as 1h, or a list of those with `server` and `tool`"
)
MAX_CALLS: Final = 1_000_000
"""A limit that nothing reaches in practice is a slip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of a file."""

    tools: tuple[Glob, ...]
    calls: int
    scopes: tuple[str, ...] = ()
    """What is counted apart, in the order of SCOPES; nothing: all calls together."""
    window: float | None = None
    """Seconds; None counts for as long as the scope lasts."""
    line: int = 1

    @property
    def scope(self) -> str:
        """What is counted apart, as one word."""
        return "+".join(self.scopes)

    @property
    def text(self) -> str:
        """`mail.send: at most 5 calls per 1h`."""
        names = ", ".join(glob.pattern for glob in self.tools)
        per = " and ".join([*self.scopes, *([] if self.window is None else [spelled(self.window)])])
        return f"{names}: at most {self.calls} call{'' if self.calls == 1 else 's'} per {per}"

    def covers(self, name: str) -> bool:
        """Whether a call of this `label.tool` counts."""
        return any(glob.matches(name) for glob in self.tools)

    def quota(self, action: Action, *, conversation: str, principal: str, now: float) -> Quota:
        """What one call of `action` uses up. The same limit in two policies is one limit."""
        values = {
            "conversation": conversation,
            "principal": principal,
            "server": action.server_identity,
            "tool": f"{action.server_identity} {action.name}",
        }
        counted = [
            sorted(glob.pattern for glob in self.tools),
            self.window,
            {scope: values[scope] for scope in self.scopes},
        ]
        return Quota(
            key=hashlib.sha256(
                json.dumps(counted, sort_keys=True).encode("utf-8", "surrogatepass")
            ).hexdigest(),
            calls=self.calls,
            what=self.text,
            window=self.window,
            since=None if self.window is None else now - self.window,
        )


def quotas(
    limits: Iterable[Limit], action: Action, *, conversation: str, principal: str, now: float
) -> tuple[Quota, ...]:
    """What a call uses up under all limits that name it; of equal ones the tightest counts."""
    found: dict[str, Quota] = {}
    for limit in limits:
        if limit.covers(action.name):
            quota = limit.quota(action, conversation=conversation, principal=principal, now=now)
            if quota.key not in found or quota.calls < found[quota.key].calls:
                found[quota.key] = quota
    return tuple(found.values())


def read_limits(value: object, at: Path, problems: Problems) -> tuple[Limit, ...]:
    """Every limit that could be read. Reports what is wrong with the others."""
    if not isinstance(value, list) or not value:
        problems.add(at, f"write a list of limits here, such as [{_SHAPE}]")
        return ()
    found = [_read(item, (*at, place), problems) for place, item in enumerate(cast("list[object]", value))]
    return tuple(limit for limit in found if limit is not None)


def _read(value: object, at: Path, problems: Problems) -> Limit | None:
    mapping = problems.mapping(value, at, _SHAPE)
    if mapping is None:
        return None
    before = problems.count
    problems.known_keys(mapping, at, "key of a limit", KEYS)
    tools = read_tools(mapping.get("tools"), (*at, "tools"), problems)
    calls = mapping.get("calls")
    if type(calls) is not int or not 1 <= calls <= MAX_CALLS:
        problems.add(
            (*at, "calls"),
            f"write how many calls at most, a whole number from 1 to {MAX_CALLS}; "
            "to forbid a tool, write a deny rule",
        )
    scopes, window = _read_per(mapping.get("per"), (*at, "per"), problems)
    if problems.count > before:
        return None
    return Limit(tools=tools, calls=cast("int", calls), scopes=scopes, window=window, line=problems.line(at))


def read_tools(value: object, at: Path, problems: Problems) -> tuple[Glob, ...]:
    """`tools:` of a limit or an approver rule: names and globs."""
    tools: list[Glob] = []
    for place, pattern in problems.texts(value, at, "mail.send"):
        problem = tool_pattern_problem(pattern)
        if problem is not None:
            problems.add(place, problem)
        tools.append(Glob(pattern))
    return tuple(tools)


def _read_per(value: object, at: Path, problems: Problems) -> tuple[tuple[str, ...], float | None]:
    words: Sequence[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    windows = [found for word in words if (found := seconds(word)) is not None]
    scopes = tuple(scope for scope in SCOPES if scope in words)
    if len(windows) + len(scopes) != len(words) or len(windows) > 1:
        problems.add(at, f"write {_PER}, each once and one duration at most")
    elif not windows and not {"conversation", "principal"} & {*scopes}:
        problems.add(
            at, "this limit would never free: add `conversation`, `principal` or a duration such as 1h"
        )
    return scopes, windows[0] if windows else None
