"""One caller's MCP server: lists the governed tools and settles each call, in either protocol era.

Each caller has a desk of their own: sessions, open questions and announcements of one are unknown at another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.bridge.assembly import Assembly
from mcpbridge.core.secret import Mask
from mcpbridge.errors import AuditUnavailable, McpbridgeError, ServerError
from mcpbridge.gateway.announcing import Announcements
from mcpbridge.gateway.asking import ClientApprover, Shows, client_name
from mcpbridge.gateway.calls import Called, Progressed, Session
from mcpbridge.gateway.kept import Kept
from mcpbridge.gateway.names import Names, shown_names
from mcpbridge.gateway.progress import told
from mcpbridge.gateway.structured import Output, output_of, result_of
from mcpbridge.gateway.waiting import MOST_RUNNING, Asker, Waiting, end_of
from mcpbridge.ports import Approver, LocalTool

Context = ServerRequestContext[Any]

MOST_SESSIONS: Final = 1_000
"""Of one caller at once."""
_MOST_KNOWN: Final = 10_000
"""Tools that one conversation remembers: a server that lists others each time does not fill the memory."""
_LONGEST_NAME: Final = 300
"""Characters: no tool has a longer name, and what is refused is written to the log."""
_SEALED_FOR: Final = 24 * 3600.0
"""Seconds a sealed state can be opened at all; how long its question stands, is decided where it is asked."""
_INSTRUCTIONS: Final = "These tools are governed: a call may be refused, or wait for a person."


@dataclass(kw_only=True)
class Desk:
    """What one caller is served. `principal` is on whose behalf their calls are made."""

    assembly: Assembly
    version: str
    principal: str
    names: Names = "qualified"
    approver: Approver | None = None
    """Who is asked, where the client is not."""
    ask_client: bool = False
    announcements: Announcements = field(
        default_factory=partial(Announcements, most=MOST_SESSIONS), init=False
    )
    _sessions: dict[str, Session] = field(default_factory=dict[str, Session], init=False)
    _waiting: Waiting = field(default_factory=Waiting, init=False)
    _kept: Kept = field(init=False)
    _schemas: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict[str, Mapping[str, Any]], init=False
    )
    """Of the tools as last listed here, by the names that clients see."""
    _outputs: Mapping[str, Output | None] = field(default_factory=dict[str, "Output | None"], init=False)
    """What the same tools promise of their results."""

    def __post_init__(self) -> None:
        self._kept = Kept(assembly=self.assembly)

    def server(self) -> Server[Any]:
        """The SDK's server, for any of its transports."""
        server = _Announcing(
            "mcpbridge",
            version=self.version,
            instructions=_INSTRUCTIONS,
            get_tool_input_schema=self._schema,
            on_list_tools=self._list,
            on_call_tool=self._call,
            on_subscriptions_listen=self.announcements.listen,
        )
        # What travels through a client is sealed for this process and this caller, and bound to the call.
        security = RequestStateSecurity.ephemeral(ttl=_SEALED_FOR)
        security.bind_principal = lambda _context: self.principal
        server.middleware.append(RequestStateBoundary(security, default_audience="mcpbridge gateway"))
        return server

    async def close(self) -> None:
        """Stop what waits for a client, and write what is left to be written."""
        self.announcements.listen.close()
        await self._waiting.close()
        await self._kept.close()

    def _schema(self, shown: str) -> Mapping[str, Any] | None:
        return self._schemas.get(shown)

    async def _list(
        self, context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        try:
            tools = await self._listed(self._session(context))
        except Exception as error:  # noqa: BLE001 # boundary: the SDK would tell the client whatever stands in it
            raise self._failed(error) from None
        if not _modern(context):
            self.announcements.listed(_session_id(context), context.session)
        return types.ListToolsResult(tools=tools)

    async def _call(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        try:
            async with told(context.session) as progressed:
                return await self._answer(context, params, progressed)
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001 # boundary: the SDK would tell the client whatever stands in it
            raise self._failed(error) from None

    async def _answer(
        self, context: Context, params: types.CallToolRequestParams, progressed: Progressed
    ) -> types.CallToolResult | types.InputRequiredResult:
        if params.request_state is not None:
            asker = self._called_again(params)
        elif self._waiting.full:
            raise MCPError(types.INTERNAL_ERROR, f"{MOST_RUNNING:,} calls are under way; wait for one to end")
        elif self.ask_client and _modern(context) and Shows.of(context.session).forms:
            asker = self._asker(context, params)
        else:
            called = await self._settled(context, params, progressed)
            return result_of(called, self._outputs.get(params.name))
        asker.progressed = progressed
        answer = await asker.next()
        if isinstance(answer, types.InputRequiredResult):
            return answer
        return result_of(answer, self._outputs.get(params.name))

    async def _settled(
        self, context: Context, params: types.CallToolRequestParams, progressed: Progressed
    ) -> Called:
        """In one request: nobody is asked, or somebody is while the client waits."""
        return await end_of(
            self._waiting.begin(
                self._made(self._session(context), params, self._approver(context), progressed)
            )
        )

    def _asker(self, context: Context, params: types.CallToolRequestParams) -> Asker:
        """Of a call that may ask its client between two requests, and is under way."""
        session = self._session(context)
        asker = Asker(
            place=self._waiting,
            name=params.name,
            arguments=params.arguments or {},
            shows=Shows.of(context.session),
            by=client_name(context.session),
        )
        asker.follow(partial(self._made, session, params))
        return asker

    async def _made(
        self,
        session: Session,
        params: types.CallToolRequestParams,
        approver: Approver,
        progressed: Progressed | None,
    ) -> Called:
        """One call. Servers that take their time to say what they have count as well."""
        name = await self._meant(session, params.name)
        return await session.call(name, params.arguments or {}, approver=approver, progressed=progressed)

    def _called_again(self, params: types.CallToolRequestParams) -> Asker:
        """Whose question an opened state is about. The same words as for one that cannot be opened."""
        asker = self._waiting.take(
            params.request_state or "", name=params.name, arguments=params.arguments or {}
        )
        if asker is None:
            raise MCPError(
                types.INVALID_PARAMS,
                "Invalid or expired requestState",
                data={"reason": "invalid_request_state"},
            )
        asker.answered(params.input_responses)
        return asker

    async def _listed(self, session: Session) -> list[types.Tool]:
        offered = await session.tools()
        names = self._shown(offered)
        mask = self.assembly.mask
        outputs = {names[name]: output_of(tool.definition, mask) for name, tool in offered.items()}
        tools = [_tool(names[name], tool, mask, outputs[names[name]]) for name, tool in offered.items()]
        self._schemas = {tool.name: tool.input_schema for tool in tools}
        self._outputs = outputs
        return tools

    async def _meant(self, session: Session, shown: str) -> str:
        """The function name behind the name that clients see. Asks the servers where it is not known yet."""
        for look in (False, True):
            if look or not session.offered:
                await self._listed(session)
            names = self._shown(session.offered)
            found = next((name for name, seen in names.items() if seen == shown), None)
            if found is not None:
                return found
        return shown[:_LONGEST_NAME]

    def _session(self, context: Context) -> Session:
        """One conversation for each session of the older protocol; else all calls of the caller are one. The
        SDK has made sure that the session is open, and the caller's."""
        key = _session_id(context)
        session = self._sessions.pop(key, None)
        if session is None or len(session.conversation.bridged) > _MOST_KNOWN:
            conversation = self.assembly.new_conversation(self.principal)
            session = Session(assembly=self.assembly, conversation=conversation, kept=self._kept)
        self._sessions[key] = session  # the one that was used last stands last
        if len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session

    def _approver(self, context: Context) -> Approver:
        shows = Shows.of(context.session)
        if self.ask_client and shows.forms and context.session.can_send_request:
            assert context.request_id is not None, "a request"
            return ClientApprover(session=context.session, request_id=context.request_id, shows=shows)
        return self.approver or DenyApprover()

    def _shown(self, offered: Mapping[str, LocalTool]) -> dict[str, str]:
        return shown_names({name: tool.definition.name for name, tool in offered.items()}, self.names)

    def _failed(self, error: Exception) -> MCPError:
        """A failure of the gateway itself. The client learns what concerns it; what our log says beside that
        (files, for instance) stays there. Nothing took effect without its record."""
        if isinstance(error, McpbridgeError):
            self.assembly.log.warning("gateway_failed", error=self.assembly.mask.text(str(error)))
        else:
            self.assembly.log.warning("gateway_failed", error=type(error).__name__)
        if isinstance(error, AuditUnavailable):
            return MCPError(types.INTERNAL_ERROR, "no record can be written, so nothing runs")
        if isinstance(error, ServerError):
            return MCPError(types.INTERNAL_ERROR, self.assembly.mask.text(str(error)))
        return MCPError(
            types.INTERNAL_ERROR, f"the gateway failed ({type(error).__name__}); its log says why"
        )


class _Announcing(Server[Any]):
    """Says in the older protocol too that it tells when tools change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        options = notification_options or NotificationOptions(tools_changed=True)
        return super().create_initialization_options(options, experimental_capabilities, extensions)


def _modern(context: Context) -> bool:
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS


def _session_id(context: Context) -> str:
    """Only the older protocol has sessions: what a newer client sends as one says nothing."""
    request: Any = context.request
    return "" if _modern(context) or request is None else request.headers.get("mcp-session-id", "")


def _tool(name: str, tool: LocalTool, mask: Mask, output: Output | None) -> types.Tool:
    """As the client sees it, without credentials that a server tells. Its annotations are its claims: they
    are not passed on as ours."""
    definition = tool.definition
    schema: Any = mask.value({"type": "object", **definition.input_schema})
    return types.Tool(
        name=name,
        description=mask.text(definition.description) or None,
        input_schema=schema,
        output_schema=None if output is None else output.schema,
    )
