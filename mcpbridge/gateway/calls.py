"""One client's calls, each through the gate. Calls of one session run side by side and share its grants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mcpbridge.bridge.assembly import Assembly
from mcpbridge.bridge.gate import Gate
from mcpbridge.core.conversation import Conversation, Grant
from mcpbridge.engine.events import ActionDecided, CallFinished, CallProgress, Event
from mcpbridge.errors import AuditUnavailable, OutcomeUnknown, RepeatedRequest
from mcpbridge.gateway.kept import Kept
from mcpbridge.ports import Approver, Json, LocalTool

Progressed = Callable[[CallProgress], None]
_NOT_RECORDED: Final = "{} may have run, and what became of it could not be recorded: do not repeat it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What became of a call, for its client."""

    output: str | Sequence[Mapping[str, Any]]
    """Text, or Responses content parts."""
    failed: bool
    """Denied, failed, or of unknown outcome: not what was asked for."""
    structured: Json | None = None
    """The output as a JSON object, where the server gave one and it was not cut."""


@dataclass(kw_only=True)
class Session:
    """What one client has done: a conversation without a model, in the audit under its id."""

    assembly: Assembly
    conversation: Conversation
    kept: Kept
    offered: Mapping[str, LocalTool] = field(default_factory=dict[str, LocalTool], init=False)
    """Function name → tool, as last listed here."""

    async def tools(self) -> Mapping[str, LocalTool]:
        """What the servers list now. Raises ServerError, AuditUnavailable."""
        gate = Gate(self.assembly, conversation=self.conversation)
        await gate.tools_async()
        self._merge(gate.conversation)
        self.offered = gate.offered
        return self.offered

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, approver: Approver, progressed: Progressed | None
    ) -> Called:
        """Settle one call. Whatever is not a clear yes is a refusal that the client is told; only what the
        program that runs the gateway has to know is raised (AuditUnavailable)."""
        seen: list[Event] = []

        def on_event(event: Event) -> None:
            seen.append(event)
            if progressed is not None and isinstance(event, CallProgress):
                progressed(event)

        parts = replace(self.assembly, approver=approver, caller="a client")
        before = self.kept.handed_to(self.conversation)
        gate = Gate(parts, conversation=before, on_event=on_event)
        item = {
            "type": "function_call",
            "id": self.assembly.clock.new_id("fc"),
            "call_id": self.assembly.clock.new_id("call"),
            "name": name,
            "arguments": json.dumps(arguments),
            "status": "completed",
        }
        try:
            answers = await gate.settle([item])
        except (OutcomeUnknown, RepeatedRequest) as error:
            return Called(output=self.assembly.mask.text(str(error)), failed=True)
        except AuditUnavailable as error:
            if not _may_have_run(gate.conversation, item["call_id"]):
                raise
            self.assembly.log.warning("outcome_not_recorded", error=self.assembly.mask.text(str(error)))
            return Called(output=_NOT_RECORDED.format(name), failed=True)
        finally:
            self.kept.taken_from(before, gate.conversation)
            self._merge(gate.conversation)
        structured = next((event.structured for event in seen if isinstance(event, CallFinished)), None)
        return Called(output=answers[-1]["output"], failed=not _done(seen), structured=structured)

    def _merge(self, after: Conversation) -> None:
        """What later calls of the session know: what tools are, and which grants were given and used."""
        before = self.conversation
        self.conversation = replace(
            before,
            identities={**before.identities, **after.identities},
            tools={**before.tools, **after.tools},
            bridged={**after.bridged, **before.bridged},
            grants=_merged(before.grants, after.grants),
        )


def _merged(before: Sequence[Grant], after: Sequence[Grant]) -> tuple[Grant, ...]:
    grants = {grant.id: grant for grant in before}
    for grant in after:
        known = grants.get(grant.id)
        grants[grant.id] = grant if known is None or grant.used > known.used else known
    return tuple(grants.values())


def _may_have_run(after: Conversation, call_id: str) -> bool:
    """It ran, and its outcome is owed; or it began, and nobody knows."""
    return call_id in after.begun or any(outcome.get("call_id") == call_id for outcome in after.owed)


def _done(events: Sequence[Event]) -> bool:
    """Whether the call was allowed, and ended well."""
    denied = any(isinstance(event, ActionDecided) and not event.decision.allowed for event in events)
    ended = [event.status for event in events if isinstance(event, CallFinished)]
    return not denied and ended == ["completed"]
