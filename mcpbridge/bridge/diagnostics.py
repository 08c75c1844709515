"""What the bridge says about its own work: one line an event, no arguments and no results in it."""

from __future__ import annotations

from mcpbridge.adapters.logging import Diagnostics
from mcpbridge.engine.events import ActionDecided, CallFinished, Event, Notice, ResponseReceived, ToolsListed


def log_event(log: Diagnostics, run_id: str, event: Event) -> None:
    """Notices are warnings; what goes as it should is for `level: info`."""
    match event:
        case Notice():
            fields = {key: value for key, value in event.fields.items() if key not in ("event", "message")}
            log.warning(event.type, message=event.message, run_id=run_id, **fields)
        case ToolsListed():
            log.info("tools_listed", server_label=event.server_label, tools=len(event.tools), run_id=run_id)
        case ActionDecided():
            outcome = event.decision.outcome.value
            log.info("decided", action=event.action.name, outcome=outcome, rules=event.rules, run_id=run_id)
        case CallFinished():
            name = f"{event.server_label}.{event.tool}"
            log.info("call", action=name, status=event.status, evidence=event.evidence, run_id=run_id)
        case ResponseReceived():
            log.info("response", response_id=event.response_id, run_id=run_id)
        case _:
            pass
