"""What the engine needs from outside, each a Protocol of one or two methods."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.question import Question
from mcpbridge.core.quota import Quota, QuotaFull
from mcpbridge.core.request import ModelRequest
from mcpbridge.core.ruling import Answer

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line for the audit log, before the log masks, chains and writes it.

    `fields` are plain JSON values. A field named `arguments` holds a call's parsed arguments and is
    written at the level configured for `server_label.tool`. `blobs` are texts kept once each by their
    SHA-256 (policies, definitions, screens); the record names them by that hash.
    """

    type: str
    phase: Literal["pre", "post"] | None = None
    fields: Json = field(default_factory=dict[str, Any])
    blobs: tuple[str, ...] = ()
    decision_key: str | None = None
    """At most one record of the log carries a given key: a second append raises AlreadyDecided.
    Copies of saved state may exist, and each could try to carry out the same decision."""
    new_key: bool = False
    """The key cannot exist yet (its conversation began in this process): write it, do not look for it."""
    quotas: tuple[Quota, ...] = ()
    """Written only where each of them permits one more use, which this record then is: checked and used up in
    one step. Only for a sink that is a `Counter`, which raises QuotaFull otherwise."""
    use: str = ""
    """With `quotas`: which request uses them."""
    freed: str = ""
    """The latest use by this request had no effect, and does not count any more."""


class AuditSink(Protocol):
    """Durable when `append` returns; raises AuditUnavailable (or AlreadyDecided) otherwise."""

    async def append(self, record: Record) -> int:
        """Write one record; returns its sequence number."""
        ...


@runtime_checkable
class Counter(Protocol):
    """What an AuditSink also is when it keeps quotas. With any other one, limited calls are denied."""

    async def against(self, quotas: Sequence[Quota]) -> QuotaFull | None:
        """What stands against one more use now. Raises AuditUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """A wire event of a streaming response, as a plain mapping with its `type`."""

    event: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNotice:
    """Something the model adapter did that the audit must know: retry, capability fallback, …"""

    type: Literal["retry", "capability_fallback", "reasoning_dropped"]
    fields: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResponse:
    """The response body as parsed JSON. Always the last thing a Model yields."""

    body: Json


ModelOutput = StreamEvent | ModelNotice | ModelResponse


class Model(Protocol):
    """Anything that answers a Responses request. Raises ModelError; never approves anything."""

    def respond(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]: ...


class NobodyThere(Exception):
    """Raised by an approver whose person has gone (a closed terminal): outcome `no_approver`, not a no."""


class Approver(Protocol):
    """Asks a person. Returning anything but an Approve or a Deny counts as an error, and denies."""

    async def ask(self, question: Question) -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """What a local function may know about the call it serves."""

    conversation_id: str
    call_id: str
    principal: str
    context: Any = None
    """Whatever the caller passed to `run(context=…)`; never saved, never logged."""


class LocalTool(Protocol):
    """A function of this process that the model may call, always through the gate."""

    @property
    def definition(self) -> ToolDefinition: ...

    @property
    def definition_hash(self) -> str:
        """`definition.hash()`, computed once."""
        ...

    @property
    def timeout(self) -> float | None: ...

    @property
    def idempotent(self) -> bool: ...

    def check(self, arguments: Json) -> str | None:
        """None when the arguments fit, else a sentence for the model. Runs before any policy."""
        ...

    async def call(self, arguments: Json, context: CallContext) -> str | Sequence[Json]:
        """Text, or Responses content parts (`input_text`, `input_image`, `input_file`).

        Raises ToolFailed with a message that is safe to tell the model.
        """
        ...


class Clock(Protocol):
    """Time and identity come in as arguments, so that the rest is reproducible."""

    def now(self) -> datetime:
        """Timezone-aware UTC."""
        ...

    def new_id(self, prefix: str) -> str:
        """A fresh, unguessable id such as `conv_…`."""
        ...
