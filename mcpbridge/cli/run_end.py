"""How a run of `mcpbridge run` ended: for the exit code, for `--json`, and for people."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mcpbridge.bridge.result import Result, to_json
from mcpbridge.cli.exits import COMPLETED, FAILED, PAUSED, UNKNOWN, USAGE
from mcpbridge.cli.parsing import command_line
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.decisions import Decided
from mcpbridge.core.items import FunctionCall
from mcpbridge.core.question import Question
from mcpbridge.errors import (
    AlreadyDecided,
    ConfigurationError,
    McpbridgeError,
    MissingSecret,
    OutcomeUnknown,
    ServerError,
    UsageError,
)

Status = Literal["completed", "paused", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of a run. `code` is the exit code."""

    status: Status
    code: int
    conversation: Conversation
    text: str = ""
    denied: tuple[Decided, ...] = ()
    questions: tuple[Question, ...] = ()
    kind: str = ""
    """The class of the error, or what stopped the run; empty when it ended by itself."""
    message: str = ""
    unknown: tuple[str, ...] = ()
    """Requests whose outcome is unknown."""
    saved: Path | None = None
    """Where the conversation was saved."""

    @property
    def stale(self) -> bool:
        """Whether the conversation is an old copy: what was decided on it stands elsewhere."""
        return self.kind == AlreadyDecided.__name__

    @property
    def worth_saving(self) -> bool:
        """Whether something would be lost without a saved state, also when nobody asked for one."""
        return self.status != "completed" and bool(self.conversation.response_id)

    def as_json(self) -> Mapping[str, Any]:
        """The object of `--json`."""
        found = dict(to_json(self.conversation, status=self.status, questions=self.questions, text=self.text))
        if self.status in ("failed", "unknown"):
            found["error"] = {"type": self.kind, "message": self.message, "request_ids": list(self.unknown)}
        if self.saved is not None and not self.stale:
            found["state"] = str(self.saved)
        return found


def ended(result: Result) -> End:
    """The model has answered, or somebody must decide."""
    conversation = result.conversation
    if result.paused:
        return End(status="paused", code=PAUSED, conversation=conversation, questions=result.questions)
    return End(
        status="completed",
        code=COMPLETED,
        conversation=conversation,
        text=result.text,
        denied=result.denied,
    )


def broken(conversation: Conversation, error: McpbridgeError) -> End:
    """An error ended the run. Whatever it was: where an outcome is unknown, that is what matters; but
    AlreadyDecided says that this is an old state, which knows nothing of what came later."""
    unknown = () if isinstance(error, AlreadyDecided) else conversation.unknown
    if isinstance(error, OutcomeUnknown):
        unknown = error.request_ids or unknown
    code = UNKNOWN if unknown else exit_code(error)
    return End(
        status="unknown" if code == UNKNOWN else "failed",
        code=code,
        conversation=conversation,
        kind=type(error).__name__,
        message=str(error),
        unknown=unknown,
    )


def stopped(conversation: Conversation, number: int) -> End:
    """A signal ended the run."""
    name = signal.Signals(number).name
    unknown = conversation.unknown
    return End(
        status="unknown" if unknown else "failed",
        code=UNKNOWN if unknown else 128 + number,
        conversation=conversation,
        kind=name,
        message=f"stopped by {name}",
        unknown=unknown,
    )


def not_begun(error: McpbridgeError) -> End:
    """An error before there was a conversation."""
    return broken(Conversation(id=""), error)


def exit_code(error: McpbridgeError) -> int:
    """Whose fault it is, as an exit code."""
    match error:
        case ConfigurationError() | UsageError():
            return USAGE
        case ServerError() if isinstance(error.__cause__, MissingSecret):
            return USAGE
        case OutcomeUnknown():
            return UNKNOWN
        case _:
            return FAILED


def call_name(conversation: Conversation, request_id: str) -> str:
    """`server.tool` of a request; empty where it is not known any more."""
    for call in (*conversation.approved.values(), *conversation.pending):
        if call.id == request_id:
            known = conversation.bridged.get(call.name) if isinstance(call, FunctionCall) else None
            if known is not None:
                return f"{known.server_label}.{known.definition.name}"
            return f"{getattr(call, 'server_label', 'local')}.{call.name}"
    return ""


def resume_command(
    state: Path, request_ids: Sequence[str] = (), answer: str = "", *, config: str | None
) -> str:
    """A command line that can be pasted into a shell."""
    words = ["mcpbridge", "run"]
    if config is not None:
        words += ["-c", config]
    words += ["--resume", str(state)]
    for request_id in request_ids:
        words += ["--decide", f"{request_id}={answer}"]
    return command_line(words)


def turn_command(state: Path, *, config: str | None) -> str:
    """The same for a further turn."""
    named = [] if config is None else ["-c", config]
    return command_line(["mcpbridge", "run", *named, "--state", str(state), "PROMPT"])
