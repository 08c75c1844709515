"""Every error mcpbridge raises on purpose, as one tree.

    McpbridgeError
    ├── ConfigurationError        yours, in a file: carries every problem with file and line
    │   └── MissingSecret         a ${env:…} ${file:…} ${keyring:…} that cannot be resolved
    ├── UsageError                yours, in a call: the sentence names the argument
    │   ├── AlreadyDecided        the audit holds a decision on this question
    │   ├── EditRefused           other arguments that do not fit the tool; the question stays open
    │   └── StateRefused          a saved conversation that cannot be trusted or read
    ├── ProtocolViolation         the model provider's: a broken invariant of the wire; nothing was approved
    │   ├── UndeclaredServer      a server_label or tool nobody declared
    │   ├── UnapprovedCall        an mcp_call without, or beside, its approval
    │   ├── DuplicateItem         an id or a grant used twice
    │   ├── MalformedItem         a known type with a wrong shape
    │   ├── UnsupportedItem       an item that needs an answer we cannot give
    │   └── ResponseNotCompleted  a status other than completed
    ├── ReplayInvariant           ours: a request that must not leave (a bug, please report it)
    ├── ModelError                the provider answered with an error, or did not answer
    │   ├── ModelUnavailable      nothing can have been executed; retries are used up
    │   ├── ToolListUnavailable   HTTP 424: the provider could not list a server's tools
    │   └── OutcomeUnknown        something may have been executed; never repeated by itself
    ├── ServerError               a bridged MCP server's: `server_label` names it
    │   ├── CallNotSent           provably nothing happened
    │   │   ├── ServerUnavailable it cannot be connected to, or its tools cannot be listed
    │   │   ├── ToolsChanged      its tools were listed anew since the call was decided
    │   │   ├── AuthRefused       HTTP 401 or 403
    │   │   └── RateLimited       HTTP 429; `retry_after` where it said so
    │   └── OutcomeLost           the call was sent and no answer came: it may have happened
    │       └── CallTimedOut      it took longer than it may; the server was told to stop
    ├── GuardStopped              a limit of ours
    │   ├── RoundLimitExceeded
    │   ├── RepeatedRequest       the model asks for the same denied thing again and again
    │   └── Frozen                `mcpbridge freeze`: nothing is sent where something would run unasked
    ├── AuditUnavailable          no durable record, so nothing takes effect
    │   └── AuditCorrupt          the log does not verify
    ├── ToolFailed                a local function's failure, already made safe to tell the model
    └── OutputInvalid             the final text does not fit the output model you asked for

Attributes are for programs; `str(error)` is one sentence for people: what happened, where, what to
change. `conversation` is the latest conversation, so that nothing that ran is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcpbridge.core.conversation import Conversation


class McpbridgeError(Exception):
    """Root of the tree."""

    conversation: Conversation | None = None
    """The latest state when the error ended a run; save it, or pass it to `run()` again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a file, named as by the caller. `line` counts from 1; 0 is the whole file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.message}"


class ConfigurationError(McpbridgeError):
    """One or more problems in configuration, server or policy files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class MissingSecret(ConfigurationError):
    """A reference to a secret that is not there."""


class UsageError(McpbridgeError):
    """A call, or a command line, that cannot be carried out."""


class AlreadyDecided(UsageError):
    """The question was answered before; the first decision stands."""

    def __init__(self, request_id: str, *, outcome: str, seq: int, latest: bool = False) -> None:
        """`latest`: this is the latest state, and the question is simply not open any more."""
        hint = (
            "nothing is to be decided here"
            if latest
            else "continue from the latest saved state, not from a copy"
        )
        super().__init__(
            f"{request_id} was already decided ({outcome}, audit record {seq}); the first decision stands, "
            f"{hint}."
        )
        self.request_id, self.outcome, self.seq = request_id, outcome, seq


class EditRefused(UsageError):
    """What somebody wrote in place of a call's arguments does not fit the tool. The call waits still."""

    def __init__(self, message: str, *, request_id: str) -> None:
        super().__init__(message)
        self.request_id = request_id


class StateRefused(UsageError):
    """A saved conversation whose seal, version or content does not hold."""


class ProtocolViolation(McpbridgeError):
    """The provider broke an invariant; the response was not taken over and nothing in it was approved."""

    def __init__(self, message: str, *, item_id: str | None = None, server_label: str | None = None) -> None:
        super().__init__(message)
        self.item_id, self.server_label = item_id, server_label


class UndeclaredServer(ProtocolViolation):
    """A server label, tool or hosted tool that the request did not declare."""


class UnapprovedCall(ProtocolViolation):
    """An `mcp_call` that nobody approved, or that differs from what was approved. It may have run."""


class DuplicateItem(ProtocolViolation):
    """An item id, call id or grant that was used before."""


class MalformedItem(ProtocolViolation):
    """An item of a known type whose shape is wrong."""


class UnsupportedItem(ProtocolViolation):
    """An item kind that needs an answer this configuration cannot give."""


class ResponseNotCompleted(ProtocolViolation):
    """`status` is failed, incomplete or cancelled: no tool runs from such a response."""

    def __init__(self, status: str, *, code: str | None, detail: str) -> None:
        super().__init__(f"the response ended as {status}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class ReplayInvariant(McpbridgeError):
    """The next request would break a rule of the wire (WIRE §4, §7). It was not sent."""


class ModelError(McpbridgeError):
    """The provider answered with an error, or not at all."""

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code, self.code, self.param = status_code, code, param


class ModelUnavailable(ModelError):
    """Retries are used up. Nothing can have been executed by the request that failed."""


class ToolListUnavailable(ModelError):
    """HTTP 424: the provider could not read a server's tool list. `server_label` where it was named."""

    server_label: str | None = None


class OutcomeUnknown(ModelError):
    """The request, or a tool, may have taken effect and nobody told us. It is not repeated by itself."""

    request_ids: tuple[str, ...] = ()
    """Approval request ids and call ids whose outcome is unknown."""


class ServerError(McpbridgeError):
    """A bridged MCP server failed; the message names it, and is safe to tell the model."""

    def __init__(self, message: str, *, server_label: str = "", status_code: int | None = None) -> None:
        super().__init__(message)
        self.server_label, self.status_code = server_label, status_code


class CallNotSent(ServerError):
    """The call provably did not reach the server's tool: nothing happened."""


class ServerUnavailable(CallNotSent):
    """The server cannot be connected to, or does not list its tools."""


class ToolsChanged(CallNotSent):
    """The server's tools were, or have to be, listed anew since the call was decided."""


class AuthRefused(CallNotSent):
    """The server refused our credential (HTTP 401), or what it permits (403)."""


class RateLimited(CallNotSent):
    """The server wants fewer requests (HTTP 429)."""

    retry_after: float | None = None
    """Seconds, where the server said so."""


class OutcomeLost(ServerError):
    """The call was sent, and the server was lost before it answered: it may have happened."""

    epoch: int | None = None
    """Of the Listing under which it was called: it tells connections apart."""


class CallTimedOut(OutcomeLost):
    """No answer in time; the server was told to stop, and may have done it all the same."""


class GuardStopped(McpbridgeError):
    """A limit of the engine ended the run."""


class RoundLimitExceeded(GuardStopped):
    """The turn needed more model rounds than `max_rounds`."""


class RepeatedRequest(GuardStopped):
    """The model keeps asking for a call that was denied."""


class Frozen(GuardStopped):
    """Everything is frozen, and the provider may run tools without asking: nothing is sent."""


class AuditUnavailable(McpbridgeError):
    """The record could not be made durable, so what it describes does not happen."""

    maybe_written: bool = False
    """True when the record may be in the log all the same (the disk hung while it was being written)."""


class AuditCorrupt(AuditUnavailable):
    """The log is broken before its tail; it is not opened for writing."""


class ToolFailed(McpbridgeError):
    """A local function failed; the message is what the model is told."""


class OutputInvalid(McpbridgeError):
    """The final text does not validate against the requested output model."""
