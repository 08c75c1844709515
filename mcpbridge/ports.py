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
    written at the level configured for `server_label.tool`; so is one named `result`. `blobs` are texts kept
    once each by their SHA-256 (policies, definitions, screens); the record names them by that hash.
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
class ResultKeeper(Protocol):
    """What an AuditSink also is when it keeps whole results of some tools. Others are never given one."""

    def keeps_results(self, tool: str) -> bool:
        """Whether a field `result` is kept of `label.tool`."""
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
    decision_id: str = ""
    """Names the decision that let the call run: `conversation/call/attempt`, as the audit does."""
    observer: CallObserver | None = field(default=None, repr=False, compare=False)
    """Who follows the call while it runs."""
    seconds: float | None = None
    """How long the call may take; None waits."""


class LocalTool(Protocol):
    """What this process runs when the model calls a function, always through the gate: a Python function,
    or a tool of a bridged server."""

    @property
    def definition(self) -> ToolDefinition: ...

    @property
    def definition_hash(self) -> str:
        """`definition.hash()`, computed once."""
        ...

    @property
    def timeout(self) -> float | None:
        """Seconds; None leaves it to the engine."""
        ...

    @property
    def bounds_itself(self) -> bool:
        """Whether `call` keeps to `context.seconds` itself, since it knows what must not count."""
        ...

    @property
    def idempotent(self) -> bool: ...

    def check(self, arguments: Json) -> str | None:
        """None when the arguments fit, else a sentence for the model. Runs before any policy."""
        ...

    async def call(self, arguments: Json, context: CallContext) -> str | Sequence[Json] | ToolAnswer:
        """Text, or Responses content parts (`input_text`, `input_image`, `input_file`), or more about them.

        Raises ToolFailed or ServerError with a message that is safe to tell the model.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The tools of a bridged server, whole (all pages), as it listed them last."""

    tools: tuple[ToolDefinition, ...]
    """With the Toolbox's `identity` as their `server_identity`. Never two of one name."""
    epoch: int
    """Grows when the tools were listed anew and differ, or over another connection."""
    protocol: str
    """The negotiated version, such as `2025-11-25`."""
    server: str = ""
    """What the server calls itself, `name version`: a claim, never used to tell servers apart."""
    instructions: str = ""
    """What the server says about itself: a claim, never sent to the model by itself."""
    refused: Json = field(default_factory=dict[str, Any])
    """Name → why: tools that cannot be told apart or shown, so that none of them is in `tools`."""
    left_out: Json = field(default_factory=dict[str, Any])
    """Tool name → why it is left out, where the operator is told: what was to be offered, and cannot be."""
    offered: tuple[str, ...] = ()
    """Names among `tools` that are functions of ours (`core.offered`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a call has come, in the server's words."""

    progress: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elicitation:
    """What a server asks for in the middle of a call: values for a form, or a visit to a URL."""

    server_label: str
    tool: str
    message: str
    mode: Literal["form", "url"] = "form"
    schema: Json = field(default_factory=dict[str, Any])
    """`form`: a flat JSON Schema of the answer."""
    url: str = ""
    """`url`: whole and unchanged; nobody has fetched it."""
    id: str = ""
    """How the server calls the question, where it has a name for it: its claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elicited:
    """The answer to an Elicitation. `content` only with `accept` and `form`."""

    action: Literal["accept", "decline", "cancel"]
    content: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """A server's wish for words of the model, in the middle of a call."""

    server_label: str
    tool: str
    messages: tuple[Json, ...]
    """Each `{role, content}`, with Responses content parts (`input_text`, `input_image`)."""
    system: str = ""
    max_tokens: int
    """What the server wants at most."""
    left_out: tuple[str, ...] = ()
    """What else it wanted, and does not get, in words: a temperature, the conversation, …"""
    problem: str = ""
    """Why it cannot be had at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a server gets: the model's words, or why it gets none (for us; the server is not told)."""

    text: str = ""
    model: str = ""
    cut: bool = False
    """The model had more to say than it was given tokens for."""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAsked:
    """What a server asked for, and no person was asked about: its roots, or something that it did not get."""

    server_label: str
    server_identity: str
    method: str
    """Of MCP, such as `roots/list`."""
    tool: str = ""
    """The call in which it asked; empty: outside any."""
    roots: tuple[str, ...] = ()
    """What it is told."""
    reason: str = ""
    """Why it got nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a bridged tool answered. It has run, whatever stands here."""

    parts: str | Sequence[Json]
    """Text, or Responses content parts (`input_text`, `input_image`, `input_file`), as the model gets them;
    a cut is told in them."""
    is_error: Literal["no", "tool", "protocol", "invalid"] = "no"
    """`tool`: `isError` was true. `protocol`: a JSON-RPC error. `invalid`: it ran, and its result does not
    fit its own output schema."""
    truncated: bool = False
    size: int = 0
    """Bytes of the result before any cut."""
    structured: Json | None = None
    """`structuredContent`, where there is any and it was not cut."""
    epoch: int | None = None
    """Of the Listing under which it was called, for the audit: it tells connections apart."""


class CallObserver(Protocol):
    """Who follows one bridged call while it runs."""

    def progress(self, progress: Progress) -> None:
        """The call has come further. Must not block."""
        ...

    async def elicit(self, question: Elicitation) -> Elicited:
        """Put the server's question to a person. Never raises but for a cancellation."""
        ...

    async def sample(self, wish: Sampling) -> Sampled:
        """Put the wish to a person, and then to the model. Never raises but for a cancellation."""
        ...

    async def noted(self, asked: ServerAsked) -> None:
        """Put on record what nobody was asked about. Raises AuditUnavailable."""
        ...


class Toolbox(Protocol):
    """One bridged MCP server. Connects when it is first used, and again after it was lost."""

    @property
    def label(self) -> str: ...

    @property
    def identity(self) -> str:
        """`ServerDeclaration.identity`: what decisions, pins and grants are bound to; no secret in it."""
        ...

    async def tools(self, *, fresh: bool = False) -> Listing:
        """The tools: those listed last, while the connection stands and no change was announced. `fresh` asks
        the server in any case, since a server may change without a word; definitions that are the same come
        as the same Listing. Raises ServerUnavailable, AuthRefused or RateLimited."""
        ...

    async def call(
        self,
        name: str,
        arguments: Json,
        *,
        epoch: int,
        meta: Json,
        seconds: float | None,
        observer: CallObserver | None = None,
    ) -> ToolAnswer:
        """Call a tool once; never repeats it by itself. Cancelling the task tells the server to stop.

        `epoch` is that of the Listing by which the call was decided: where the tools may have changed since
        (a reconnect, an announced change), nothing is sent and ToolsChanged is raised. `seconds` bounds the
        call, without the time that a person takes for an Elicitation; None waits.

        Raises CallNotSent (or one of its kind) where provably nothing happened, OutcomeLost where something
        may have, CallTimedOut where it took too long.
        """
        ...

    async def close(self) -> None:
        """End the connection and the process behind it. Never raises."""
        ...


@runtime_checkable
class Library(Protocol):
    """What a Toolbox also is when its server's resources and prompts can be read. All raise ServerError."""

    async def resources(self) -> Sequence[Json]:
        """All that the server lists, as it describes them."""
        ...

    async def templates(self) -> Sequence[Json]:
        """The patterns of URIs that it lists."""
        ...

    async def read(self, uri: str) -> str | Sequence[Json]:
        """A resource as text or content parts. Only this server is asked."""
        ...

    async def prompts(self) -> Sequence[Json]:
        """All that the server lists, as it describes them."""
        ...

    async def prompt(
        self, name: str, arguments: Mapping[str, str] | None = None
    ) -> Sequence[tuple[str, str | Sequence[Json]]]:
        """A prompt's messages, each as (role, text or content parts)."""
        ...


class Clock(Protocol):
    """Time and identity come in as arguments, so that the rest is reproducible."""

    def now(self) -> datetime:
        """Timezone-aware UTC."""
        ...

    def new_id(self, prefix: str) -> str:
        """A fresh, unguessable id such as `conv_…`."""
        ...
