"""Bridge: a governed conversation, from configuration to result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from mcpbridge.adapters.telemetry import observed
from mcpbridge.bridge.assembly import AnyTool, Assembly, assemble, run_sync
from mcpbridge.bridge.diagnostics import log_event
from mcpbridge.bridge.ending import Ending
from mcpbridge.bridge.given import Prompt, check_answers, checked
from mcpbridge.bridge.reading import ServerReader
from mcpbridge.bridge.result import Result
from mcpbridge.bridge.structured import parse_output, text_format
from mcpbridge.config import Configuration, SecretSources, ServerDeclaration
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Answer
from mcpbridge.engine.events import Event, Finished, Notice
from mcpbridge.engine.local_calls import Checkpoint
from mcpbridge.engine.loop import Engine, Limits, Turn
from mcpbridge.errors import UsageError
from mcpbridge.ports import Approver, AuditSink, Clock, Model, Toolbox

if TYPE_CHECKING:
    import openai
    from pydantic import BaseModel

    from mcpbridge.adapters.clients import TokenProvider
    from mcpbridge.adapters.responses import Learned, ResponsesModel, Retries


class Bridge:
    """One gate between a model on the Responses API and everything it can touch.

    Use it as an async context manager. One Bridge serves many conversations at once; each is a frozen
    value that you keep. Nothing takes effect before its record is durable.
    """

    def __init__(
        self,
        assembly: Assembly,
        *,
        client: openai.AsyncOpenAI | None = None,
        model: Model | None = None,
        token_provider: TokenProvider | None = None,
        retries: Retries | None = None,
    ) -> None:
        """Prefer `from_yaml`. `client` is used as it is, but for its retries, which are 0 here; `model`
        replaces the Responses API altogether (tests)."""
        self._assembly = assembly
        self._given_client, self._given_model = client, model
        self._token_provider, self._retries = token_provider, retries
        self._model: ResponsesModel | None = None
        self._learned: Learned | None = None
        self._ending = Ending(self._close)

    @classmethod
    def from_yaml(
        cls,
        path: str | Path | Configuration = "mcpbridge.yaml",
        *,
        tools: Iterable[AnyTool] = (),
        approver: Approver | None = None,
        client: openai.AsyncOpenAI | None = None,
        model: Model | None = None,
        token_provider: TokenProvider | None = None,
        retries: Retries | None = None,
        audit: AuditSink | None = None,
        sources: SecretSources | None = None,
        clock: Clock | None = None,
        state_key: bytes | None = None,
        toolboxes: Mapping[str, Toolbox] | None = None,
    ) -> Bridge:
        """A bridge from a configuration file. `tools` are functions or `@tool`s.

        Without an `approver`, a call that must be asked pauses the run (`Result.paused`), or is denied where
        the file says `ask: deny`; pass
        `TerminalApprover()`, `CallbackApprover(f)` or `DenyApprover()` to decide at once. `toolboxes` stand
        in for the connections to bridged servers, by label (tests).
        Raises ConfigurationError (file and line) or AuditUnavailable.
        """
        assembly = assemble(
            path,
            tools=tools,
            approver=approver,
            audit=audit,
            sources=sources,
            clock=clock,
            state_key=state_key,
            toolboxes=toolboxes,
        )
        return cls(assembly, client=client, model=model, token_provider=token_provider, retries=retries)

    async def __aenter__(self) -> Self:
        if self._given_model is None:
            await asyncio.to_thread(_load_client)  # half a second of imports, kept off the caller's loop
        await self._assembly.announce()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the audit log, the client that was made here, and the connections to bridged servers.
        Cancelled, it goes on by itself, and closing again waits for the same end."""
        await self._ending()

    async def _close(self) -> None:
        try:
            await self._close_client()
        finally:
            await self._assembly.close()

    async def _close_client(self) -> None:
        """Close the client that was made here; what was learned about the endpoint is kept."""
        if self._model is not None and self._given_client is None:
            await self._model.client.close()
            self._learned, self._model = self._model.learned, None

    def conversation(self, *, principal: str | None = None) -> Conversation:
        """A new, empty conversation."""
        return self._assembly.new_conversation(principal)

    def turn(
        self,
        prompt: Prompt | None = None,
        *,
        conversation: Conversation | None = None,
        principal: str | None = None,
        instructions: str | None = None,
        context: Any = None,
        output_type: type[BaseModel] | None = None,
        stream: bool = False,
        checkpoint: Checkpoint | None = None,
        decisions: Mapping[str, Answer] | None = None,
    ) -> Turn:
        """A turn to iterate over: `async for event in bridge.turn(…)`. Its `conversation` is always the
        latest state, also after an error or a cancellation.

        `stream` asks the service for deltas; the other events come either way. `checkpoint` is awaited
        with the conversation after each answer and before each effect.
        """
        state = conversation if conversation is not None else self._assembly.new_conversation(principal)
        if not isinstance(cast("object", state), Conversation):
            raise UsageError(
                f"a conversation is wanted, not {type(state).__name__}: `result.conversation`, or "
                "`bridge.loads(text)` of what was saved"
            )
        if prompt is not None:
            state = state.say(checked(prompt))
        elif not state.entries:
            raise UsageError("a new conversation needs a prompt")
        elif state.finished and not decisions:
            raise UsageError("nothing is open in this conversation; pass a prompt for a further turn")
        check_answers(state, decisions or {})
        engine = self._engine(instructions=instructions, output_type=output_type, stream=stream)
        if (trace := self._assembly.telemetry.trace(state.id, whole_turn=True)) is not None:
            engine = observed(engine, trace)
        turn = engine.turn(state, answers=decisions, context=context, checkpoint=checkpoint)
        turn.prepare = partial(self._assembly.prepare, trace, turn.journal.run_id)
        turn.on_event = partial(log_event, self._assembly.log, turn.journal.run_id)
        return turn

    async def run(
        self,
        prompt: Prompt | None = None,
        *,
        conversation: Conversation | None = None,
        principal: str | None = None,
        instructions: str | None = None,
        context: Any = None,
        output_type: type[BaseModel] | None = None,
        stream: bool = False,
        checkpoint: Checkpoint | None = None,
        decisions: Mapping[str, Answer] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Result:
        """Run until the model has answered or somebody must decide. Pass `conversation` to go on with one.

        Raises McpbridgeError with `.conversation`: OutcomeUnknown where something may have run,
        ProtocolViolation, GuardStopped, AuditUnavailable, ModelError, OutputInvalid.
        """
        turn = self.turn(
            prompt,
            conversation=conversation,
            principal=principal,
            instructions=instructions,
            context=context,
            output_type=output_type,
            stream=stream,
            checkpoint=checkpoint,
            decisions=decisions,
        )
        return await self.finish(turn, output_type=output_type, on_event=on_event)

    async def finish(
        self,
        turn: Turn,
        *,
        output_type: type[BaseModel] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Result:
        """Consume a turn to its end."""
        notices: list[Notice] = []
        end: Finished | None = None
        try:
            async with aclosing(turn.advance()) as events:
                async for event in events:
                    if isinstance(event, Notice):
                        notices.append(event)
                    elif isinstance(event, Finished):
                        end = event
                    if on_event is not None:
                        on_event(event)
        except asyncio.CancelledError as cancelled:
            # Not our exception, but whoever cancels needs the state as much as anybody.
            cancelled.conversation = turn.conversation  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            raise
        assert end is not None, "a turn ends with Finished or raises"
        result = Result(
            conversation=end.conversation,
            status=end.status,
            questions=end.questions,
            notices=tuple(notices),
            run_id=turn.journal.run_id,
        )
        if output_type is None or result.paused:
            return result
        return replace(result, output=parse_output(output_type, result.conversation))

    async def resume(
        self,
        conversation: Conversation,
        *,
        decisions: Mapping[str, Answer] | None = None,
        **options: Any,
    ) -> Result:
        """Go on with a paused conversation. `decisions` maps request ids to Approve or Deny; questions
        without one stay open. For a request of unknown outcome, Approve repeats it and Deny gives it up.
        Raises AlreadyDecided where the audit holds a decision. Takes the options of `run`."""
        return await self.run(conversation=conversation, decisions=decisions, **options)

    def dumps(self, conversation: Conversation) -> str:
        """The conversation as sealed text: no secret in it, and refused when edited."""
        return self._assembly.seal.dumps(conversation)

    def loads(self, text: str) -> Conversation:
        """The conversation in sealed text. Raises StateRefused."""
        return self._assembly.seal.loads(text)

    async def register(self, server: ServerDeclaration) -> None:
        """Declare a server from the next turn on; on record before it takes effect."""
        await self._assembly.register(server)

    async def remove(self, label: str) -> None:
        """Declare a server no longer, from the next turn on."""
        await self._assembly.remove(label)

    def server(self, label: str, *, principal: str | None = None) -> ServerReader:
        """The resources and prompts of a bridged server, for your own code: see ServerReader. `principal` is
        on whose behalf, for the record. Raises UsageError where mcpbridge does not connect to it."""
        return ServerReader(self._assembly, label, principal=principal)

    def run_sync(self, prompt: Prompt | None = None, **options: Any) -> Result:
        """`run` from code that is not async, as often as you like; `close_sync()` at the end.

        Takes the options of `run`, `conversation` and `decisions` included (with `prompt=None`).
        """

        async def whole() -> Result:
            await self._assembly.announce()
            try:
                return await self.run(prompt, **options)
            finally:
                # Their connections belong to this event loop, which ends here.
                await self._assembly.toolboxes.close()
                await self._close_client()

        result: Result = run_sync(whole())
        return result

    def close_sync(self) -> None:
        """`close` from code that is not async."""
        run_sync(self.close())

    def __enter__(self) -> Self:
        raise UsageError("a Bridge is an async context manager: write `async with`, or use run_sync()")

    def __exit__(self, *_: object) -> None:
        """Only here so that `with` reaches the message above."""

    def _engine(
        self, *, instructions: str | None, output_type: type[BaseModel] | None, stream: bool
    ) -> Engine:
        parts = self._assembly
        limits = parts.config.limits
        model = self._given_model
        if model is None:
            model = self._responses(instructions, output_type, stream)
        return Engine(
            model=model,
            judge=parts.judge(),
            audit=parts.audit,
            declared=parts.declared(),
            tools=parts.tools,
            toolboxes=parts.toolboxes,
            mask=parts.mask,
            limits=Limits(
                max_rounds=limits.max_rounds,
                max_parallel_tools=limits.max_parallel_tools,
                tool_timeout=limits.tool_timeout,
                repeated_requests=limits.repeated_requests,
            ),
        )

    def _responses(
        self, instructions: str | None, output_type: type[BaseModel] | None, stream: bool
    ) -> ResponsesModel:
        """The model for one turn; what was learned about the endpoint is kept."""
        if self._model is None:
            self._model = self._make_model()
        options = dict(self._model.options)
        if instructions is not None:
            options["instructions"] = instructions
        if output_type is not None:
            options["text"] = {"format": text_format(output_type)}
        declared = self._assembly.declared()
        return replace(
            self._model,
            tools=self._assembly.tool_declarations(),
            options=options,
            stream=stream,
            runs_unasked=declared.runs_unasked,
        )

    def _make_model(self) -> ResponsesModel:
        from mcpbridge.adapters.clients import make_client
        from mcpbridge.adapters.responses import Learned, ResponsesModel, Retries

        parts = self._assembly
        config = parts.config.model
        client = self._given_client
        if client is None:
            client = make_client(config, parts.sources, parts.mask, token_provider=self._token_provider)
        optional = {label for label, server in parts.servers.items() if server.on_unavailable == "continue"}
        return ResponsesModel(
            client=client,
            tools=parts.tool_declarations(),
            options=_request_options(parts.config),
            retries=self._retries if self._retries is not None else Retries(attempts=config.retries + 1),
            optional_servers=frozenset(optional),
            learned=self._learned or Learned(encrypted=config.profile.encrypted_reasoning),
        )


def _load_client() -> None:
    import_module("mcpbridge.adapters.responses")
    import_module("mcpbridge.adapters.clients")


def _request_options(config: Configuration) -> dict[str, Any]:
    model = config.model
    reasoning = {"effort": model.reasoning.effort, "summary": model.reasoning.summary}
    options: dict[str, Any] = {
        "model": model.name,
        "instructions": model.instructions,
        "max_output_tokens": model.max_output_tokens,
        "reasoning": {key: value for key, value in reasoning.items() if value is not None} or None,
    }
    return {key: value for key, value in options.items() if value is not None}
