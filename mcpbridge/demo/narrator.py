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
    ReasoningDelta,
    ResponseReceived,
    TextDelta,
    ToolsListed,
)
from mcpbridge.core.ruling import Outcome
from mcpbridge.demo.screen import Screen
from mcpbridge.demo.server import INJECTION_ADDRESS

_SEEN_BY: Final = {
    "executed_here": "ran in this process",
    "reported_by_provider": "as the service reports it",
    "observed": "ran without being asked",
}


@dataclass(kw_only=True)
class Narrator:
    """Tells what happens. Deltas are collected until their response is complete, and then wrapped."""

    screen: Screen
    counted: dict[str, int] = field(default_factory=dict[str, int])
    """How many decisions ended in which outcome."""
    _thought: list[str] = field(default_factory=list[str])
    _text: list[str] = field(default_factory=list[str])

    def tell(self, event: Event) -> None:
        """One event; those that a newcomer has no use for are passed over."""
        match event:
            case ReasoningDelta(text=text):
                self._thought.append(text)
            case TextDelta(text=text):
                self._text.append(text)
            case ResponseReceived():
                self._spoken()
            case ToolsListed(server_label=label, tools=tools):
                self.screen.entry("tools", f"{label} offers {', '.join(tools)}")
            case ActionDecided():
                self._decided(event)
            case CallStarted(action=action):
                self.screen.entry("runs", f"{action.name}, a Python function in this process")
            case CallFinished():
                self._finished(event)
            case Notice(message=message):
                self.screen.entry("notice", message)
            case _:
                pass

    def _spoken(self) -> None:
        if self._thought:
            self.screen.entry("thinks", "".join(self._thought))
        if self._text:
            self.screen.entry("model", "".join(self._text))
        self._thought.clear()
        self._text.clear()

    def _decided(self, event: ActionDecided) -> None:
        action, decision = event.action, event.decision
        self.counted[decision.outcome] = self.counted.get(decision.outcome, 0) + 1
        self.screen.entry("wants", call_text(action.name, action.arguments))
        rules = ", ".join(event.rules)
        match decision.outcome:
            case Outcome.POLICY_ALLOW:
                verdict = f"ALLOWED by the rule {rules}; nobody was asked."
            case Outcome.HUMAN_ALLOW | Outcome.GRANT_ALLOW:
                verdict = f"ALLOWED by a person ({decision.approver or 'no name given'})."
            case Outcome.POLICY_DENY:
                verdict = (
                    f'DENIED by the rule {rules}. It does not run. The model is told: "{decision.reason}"'
                )
            case _:
                verdict = (
                    f'DENIED ({decision.outcome}). It does not run. The model is told: "{decision.reason}"'
                )
        self.screen.entry("gate", verdict)

    def _finished(self, event: CallFinished) -> None:
        name = f"{event.server_label}.{event.tool}"
        self.screen.entry("result", f"of {name}, {_SEEN_BY[event.evidence]}:\n{_quoted(event.output)}")
        if INJECTION_ADDRESS in event.output and event.tool == "read_issue":
            self.screen.entry("(!)", "This text is an attack: an issue that gives orders to the model.")


def call_text(name: str, arguments: Mapping[str, Any] | None) -> str:
    """`label.tool(a="x", n=2)`."""
    values = ", ".join(f"{key}={_value(value)}" for key, value in (arguments or {}).items())
    return f"{name}({values})"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return "\n".join(f"| {line}".rstrip() for line in text.split("\n") if line.strip())
