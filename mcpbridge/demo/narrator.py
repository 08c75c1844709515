"""A turn's events in plain words, as they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge import (
    ActionDecided,
    CallFinished,
    CallStarted,
    Event,
    Notice,
    Outcome,
    ReasoningDelta,
    ResponseReceived,
    TextDelta,
    ToolsListed,
)
from mcpbridge.demo.screen import Screen
from mcpbridge.demo.server import INJECTION_ADDRESS

_ASKED: Final = frozenset({Outcome.HUMAN_ALLOW, Outcome.HUMAN_DENY, Outcome.TIMEOUT})
"""Somebody just saw the whole call, so it is not told again."""
_BY: Final = {
    Outcome.POLICY_ALLOW: "by the rule {rule}; nobody was asked.",
    Outcome.POLICY_DENY: "by the rule {rule}.",
    Outcome.HUMAN_ALLOW: "by a person ({who}).",
    Outcome.HUMAN_DENY: "by a person ({who}).",
}
_SEEN_BY: Final = {
    "executed_here": "as mcpbridge saw it",
    "reported_by_provider": "as the service reports it",
    "observed": "as the service reports it, unasked",
}


@dataclass(kw_only=True)
class Narrator:
    """Tells what happens. Deltas are collected until their response is complete, and then wrapped."""

    screen: Screen
    _thought: list[str] = field(default_factory=list[str])
    _text: list[str] = field(default_factory=list[str])

    def tell(self, event: Event) -> None:
        """One event; those that a newcomer has no use for are passed over."""
        match event:
            case ReasoningDelta():
                self._thought.append(event.text)
            case TextDelta():
                self._text.append(event.text)
            case ResponseReceived():
                self._spoken()
            case ActionDecided():
                self._decided(event)
            case CallFinished():
                self._finished(event)
            case ToolsListed() | CallStarted() | Notice():
                self.screen.entry(*_aside(event))
            case _:
                pass

    def _spoken(self) -> None:
        self.screen.write("")
        if self._thought:
            self.screen.entry("thinks", "".join(self._thought))
        if self._text:
            self.screen.entry("model", "".join(self._text))
        self._thought.clear()
        self._text.clear()

    def _decided(self, event: ActionDecided) -> None:
        action, decision = event.action, event.decision
        if decision.outcome not in _ASKED:
            self.screen.entry("wants", call_text(action.name, action.arguments))
        by = _BY.get(decision.outcome, f"({decision.outcome}).")
        by = by.format(rule=", ".join(event.rules), who=decision.approver or "no name given")
        self.screen.entry("gate", f"{'ALLOWED' if decision.allowed else 'DENIED'} {by}")
        if not decision.allowed:
            self.screen.entry("", f'It does not run. The model is told: "{decision.reason}"')

    def _finished(self, event: CallFinished) -> None:
        name = f"{event.server_label}.{event.tool}"
        self.screen.entry("result", f"of {name}, {_SEEN_BY[event.evidence]}:\n{_quoted(event.output)}")
        if INJECTION_ADDRESS in event.output and event.tool == "read_issue":
            self.screen.entry("note", "This is an attack: an issue that gives orders to whoever reads it.")


def _aside(event: ToolsListed | CallStarted | Notice) -> tuple[str, str]:
    match event:
        case ToolsListed(server_label=label, tools=tools):
            return "tools", f"{label} offers {', '.join(tools)}"
        case CallStarted(action=action):
            return "runs", f"{action.name}, a Python function of this program"
        case Notice(message=message):
            return "notice", message


def call_text(name: str, arguments: Mapping[str, Any] | None) -> str:
    """`label.tool(a="x", n=2)`."""
    given = (arguments or {}).items()
    return f"{name}({', '.join(f'{key}={json.dumps(value, ensure_ascii=False)}' for key, value in given)})"


def _quoted(text: str) -> str:
    return "\n".join(f"| {line}".rstrip() for line in text.split("\n") if line.strip())
