"""What one server asks of us, in either era: in the middle of a call, or outside any. One way for all of it.

The older era sends requests of its own; the newer one answers a call with questions (see `rounds`). What the
server was not told that it may ask is refused all the same where it asks, and is on record.
"""

from __future__ import annotations

from collections.abc import Set
from contextlib import AsyncExitStack
from typing import Final

from mcp import Client
from mcp.client.session import ClientRequestContext, ClientSession
from mcp_types import (
    INVALID_REQUEST,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    InputRequest,
    ListRootsRequest,
    ListRootsResult,
    Root,
)
from pydantic import FileUrl

from mcpbridge.adapters.mcp_servers.elicitation import asked
from mcpbridge.adapters.mcp_servers.sampling import sampled
from mcpbridge.adapters.mcp_servers.sending import SENDING, Sending
from mcpbridge.adapters.mcp_servers.settings import BridgedServer
from mcpbridge.errors import McpbridgeError
from mcpbridge.ports import ServerAsked

Answer = ElicitResult | CreateMessageResult | ListRootsResult
_NOT_OFFERED: Final = "which is not offered to it"
_OUTSIDE: Final = "outside any call"
_UNCLEAR: Final = "and it is not clear which call asks"
_TOO_OFTEN: Final = "after it had asked for too much in this call"
_MOST_NOTED: Final = 20
"""Records of what was refused on one connection; a storm does not fill the log."""


class Questions:
    """Answers one server on one connection."""

    def __init__(self, server: BridgedServer, in_flight: Set[Sending]) -> None:
        self._server = server
        self._in_flight = in_flight
        self._noted = 0
        self._may = {
            ElicitRequest: server.elicitation,
            CreateMessageRequest: server.sampling,
            ListRootsRequest: bool(server.roots),
        }

    async def elicit(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult | ErrorData:
        """A request of the older era, as are the next two."""
        found = await self.answer(ElicitRequest(params=params), *self._asking())
        assert isinstance(found, ElicitResult | ErrorData), "each question has its kind of answer"
        return found

    async def sample(
        self, context: ClientRequestContext, params: CreateMessageRequestParams
    ) -> CreateMessageResult | ErrorData:
        found = await self.answer(CreateMessageRequest(params=params), *self._asking())
        assert isinstance(found, CreateMessageResult | ErrorData), "each question has its kind of answer"
        return found

    async def roots(self, context: ClientRequestContext) -> ListRootsResult | ErrorData:
        found = await self.answer(ListRootsRequest(), *self._asking())
        assert isinstance(found, ListRootsResult | ErrorData), "each question has its kind of answer"
        return found

    async def dispatch(self, context: ClientRequestContext, request: InputRequest) -> Answer | ErrorData:
        """Any of them, also what the SDK would answer itself since the server was not told of it."""
        return await self.answer(request, *self._asking())

    def hear_all(self, client: Client) -> None:
        """Have every request come here, from the first one on. Whoever gives the SDK (mcp 2.3.0) a callback
        tells the server that it may ask; without one the SDK refuses, and nobody learns of it."""
        build = client._build_session  # pyright: ignore[reportPrivateUsage]

        async def built(stack: AsyncExitStack) -> ClientSession:
            session = await build(stack)
            setattr(session, "dispatch_input_request", self.dispatch)  # noqa: B010 # a method, for this one
            return session

        setattr(client, "_build_session", built)  # noqa: B010 # see above

    async def answer(
        self, request: InputRequest, sending: Sending | None, unclear: str = "", key: str = ""
    ) -> Answer | ErrorData:
        """`sending` is the call in which it asks. `key` is how the server calls the question."""
        if not self._may[type(request)]:
            return await self._refused(request, sending, _NOT_OFFERED)
        if isinstance(request, ListRootsRequest):
            return await self._roots(sending)
        if sending is None or not sending.tool:
            return await self._refused(request, None, unclear or _OUTSIDE)
        sending.questions += 1
        if sending.questions > self._server.bounds.rounds:
            return await self._refused(request, sending, _TOO_OFTEN)
        if isinstance(request, ElicitRequest):
            return await asked(self._server.label, sending, request.params, key=key)
        return await sampled(self._server, sending, request.params)

    def _asking(self) -> tuple[Sending | None, str]:
        """The call that a request of the older era belongs to: not every transport says in which."""
        sending = SENDING.get()
        if sending is not None and sending in self._in_flight:
            return sending, ""
        running = [one for one in self._in_flight if one.tool]
        return (running[0], "") if len(running) == 1 else (None, _UNCLEAR if running else "")

    async def _roots(self, sending: Sending | None) -> ListRootsResult | ErrorData:
        """The configured ones, each time; on record first."""
        uris = tuple(root.as_uri() for root in self._server.roots)
        if not await self._on_record("roots/list", sending, roots=uris):
            return ErrorData(code=INVALID_REQUEST, message="there is no answer")
        return ListRootsResult(
            roots=[
                Root(uri=FileUrl(uri), name=root.name or None)
                for uri, root in zip(uris, self._server.roots, strict=True)
            ]
        )

    async def _refused(self, request: InputRequest, sending: Sending | None, why: str) -> ErrorData:
        reason = f"it asked for {request.method}, {why}"
        self._noted += 1
        if self._noted <= _MOST_NOTED:
            more = "" if self._noted < _MOST_NOTED else "; what is refused after this is not recorded"
            await self._on_record(request.method, sending, reason=reason + more)
        return ErrorData(code=INVALID_REQUEST, message=reason)

    async def _on_record(
        self, method: str, sending: Sending | None, *, roots: tuple[str, ...] = (), reason: str = ""
    ) -> bool:
        """Whether it is; what cannot be recorded is not answered."""
        about = ServerAsked(
            server_label=self._server.label,
            server_identity=self._server.identity,
            method=method,
            tool="" if sending is None else sending.tool,
            roots=roots,
            reason=reason,
        )
        try:
            if sending is not None and sending.observer is not None:
                await sending.observer.noted(about)
            elif self._server.noted is not None:
                await self._server.noted(about)
        except McpbridgeError:
            return False
        return True
