"""One call on one connection, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

from mcp import MCPError
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    InputResponses,
    RequestParamsMeta,
)
from pydantic import Discriminator, Tag, TypeAdapter, ValidationError

from mcpbridge.adapters.mcp_servers.connection import Connection
from mcpbridge.adapters.mcp_servers.content import Parts, fill
from mcpbridge.adapters.mcp_servers.failures import refused, said, timed_out
from mcpbridge.adapters.mcp_servers.older import HINT, asks_as_of_old, failed_of_old
from mcpbridge.adapters.mcp_servers.output_check import OutputCheck
from mcpbridge.adapters.mcp_servers.pipes import TOO_LARGE
from mcpbridge.adapters.mcp_servers.rounds import NotAnswered, until_answered
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.core.raw import mapping
from mcpbridge.ports import CallObserver, Json, Progress, ToolAnswer


def _kind(result: object) -> str:
    """Which of the two a result is. Without this, pydantic reads each as both."""
    return "questions" if mapping(result).get("resultType") == "input_required" else "result"


_RESULT: Final[TypeAdapter[CallToolResult | InputRequiredResult]] = TypeAdapter(
    Annotated[
        Annotated[CallToolResult, Tag("result")] | Annotated[InputRequiredResult, Tag("questions")],
        Discriminator(_kind),
    ]
)


class Caller:
    """Makes calls on a connection. Knows the output schemas of its listing."""

    def __init__(
        self, connection: Connection, output_schemas: Mapping[str, Mapping[str, Any] | None]
    ) -> None:
        self._connection = connection
        self._schemas = output_schemas
        self._check = OutputCheck()

    async def call(
        self, name: str, arguments: Json, *, meta: Json, seconds: float | None, observer: CallObserver | None
    ) -> ToolAnswer:
        """Raises CallNotSent, OutcomeLost or one of their kinds."""
        connection, server = self._connection, self._connection.server
        sending = Sending(tool=name, observer=observer, limit=server.bounds.answer_bytes)
        connection.begin(sending)
        try:
            async with sending.within(seconds):
                return await self._rounds(name, arguments, meta, sending)
        except TimeoutError:
            if sending.too_large:
                return self._too_large(name, None)
            raise sending.failure or timed_out(server.label, name, seconds or 0.0, sending) from None
        except MCPError as error:
            return self._error(name, error, sending)
        except ValidationError as error:
            return self._invalid(name, f"its result breaks the protocol ({error.error_count()} problems)")
        finally:
            connection.end(sending)
            if sending.session_lost:
                connection.retire()

    async def _rounds(self, name: str, arguments: Json, meta: Json, sending: Sending) -> ToolAnswer:
        server = self._connection.server

        async def round_(
            answers: InputResponses | None, state: str | None
        ) -> CallToolResult | InputRequiredResult:
            params = CallToolRequestParams(
                name=name,
                arguments=dict(arguments),
                input_responses=answers,
                request_state=state,
                _meta=cast("RequestParamsMeta | None", dict(meta) or None),
            )
            return await self._connection.client.session.send_request(
                CallToolRequest(params=params), _RESULT, progress_callback=_progress(sending.observer)
            )

        try:
            result = await until_answered(
                round_, self._connection.questions, sending, rounds=server.bounds.rounds
            )
        except NotAnswered as why:
            return _told(f"{server.label}: {name} was not finished: {why}", "protocol")
        return self._answer(name, result)

    def _answer(self, name: str, result: CallToolResult) -> ToolAnswer:
        parts = Parts(self._connection.server.bounds)
        if self._connection.modern and failed_of_old(result):
            parts.note(HINT)
        fill(parts, result)
        problem = self._check.problem(self._schemas.get(name), result)
        if problem:
            parts.note(f"{name} ran, but its result is not valid: {problem}")
        return ToolAnswer(
            parts=parts.done(),
            is_error="tool" if result.is_error else "invalid" if problem else "no",
            truncated=parts.truncated,
            size=parts.size,
            structured=None if parts.truncated or problem else _mapping(result.structured_content),
        )

    def _error(self, name: str, error: MCPError, sending: Sending) -> ToolAnswer:
        """A JSON-RPC error: the server's own, or one that stands for something else."""
        connection, label = self._connection, self._connection.server.label
        if sending.failure is not None:
            raise sending.failure from None
        if sending.too_large or error.code == TOO_LARGE:
            return self._too_large(name, error.data)
        failure = refused(label, name, error, sending, connection.errors.last)
        if failure is None:
            hint = f"{HINT}; it says: " if connection.modern and asks_as_of_old(error.message) else ""
            words = f"{label}: {name} failed: {hint}{said(error.message)} (JSON-RPC {error.code})"
            return _told(words, "protocol")
        connection.retire()
        raise failure from None

    def _too_large(self, name: str, data: object) -> ToolAnswer:
        limit = self._connection.server.bounds.answer_bytes
        size = mapping(data).get("size")
        text = f"[mcpbridge: {name} ran, but its result has more than {limit:,} bytes; none of it was read]"
        return ToolAnswer(
            parts=text, is_error="invalid", truncated=True, size=size if type(size) is int else limit
        )

    def _invalid(self, name: str, problem: str) -> ToolAnswer:
        return _told(f"{name} ran, but {problem}", "invalid")


def _told(text: str, kind: Any) -> ToolAnswer:
    return ToolAnswer(parts=f"[mcpbridge: {text}]", is_error=kind, size=len(text))


def _mapping(value: object) -> Json | None:
    return mapping(cast("object", value)) if isinstance(value, Mapping) else None


def _progress(observer: CallObserver | None) -> Any:
    if observer is None:
        return None

    async def progress(done: float, total: float | None, message: str | None) -> None:
        observer.progress(Progress(progress=done, total=total, message=said(message or "")))

    return progress
