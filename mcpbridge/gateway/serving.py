"""The MCP server: lists the governed tools, and settles each call, in either protocol era."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import mcp_types as types
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.bridge.assembly import Assembly
from mcpbridge.core.secret import Secret
from mcpbridge.engine.events import CallProgress
from mcpbridge.errors import AuditUnavailable, McpbridgeError
from mcpbridge.gateway.asking import ClientApprover, can_ask
from mcpbridge.gateway.calls import Session
from mcpbridge.gateway.content import blocks
from mcpbridge.ports import Approver, LocalTool

Context = ServerRequestContext[Any]
Names = Literal["qualified", "plain"]

_MAX_SESSIONS: Final = 1_000
_SCOPE: Final = "tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client that proves who it is with a token; its calls are made on behalf of `principal`."""

    principal: str
    token: Secret


@dataclass(kw_only=True)
class Gateway:
    """What one process serves."""

    assembly: Assembly
    version: str
    callers: tuple[Caller, ...] = ()
    """Empty: whoever can connect is the configuration's principal."""
    names: Names = "qualified"
    """`plain`: tools keep their own names, where no two servers have one of the same name."""
    approver: Approver | None = None
    """Who is asked, where the client is not."""
    ask_client: bool = False
    _sessions: dict[str, Session] = field(default_factory=dict[str, Session], init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"], init=False)

    def server(self) -> Server[Any]:
        """The SDK's server, for any of its transports."""
        return Server(
            "mcpbridge",
            version=self.version,
            instructions="These tools are governed: a call may be refused, or wait for a person.",
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def verify_token(self, token: str) -> AccessToken | None:
        """The SDK's TokenVerifier: whose token it is. Every one is compared, whatever is found."""
        found: str | None = None
        for caller in self.callers:
            if hmac.compare_digest(token.encode(), caller.token.reveal().encode()):
                found = caller.principal
        return None if found is None else AccessToken(token="-", client_id=found, scopes=[_SCOPE])  # noqa: S106

    async def _list(
        self, context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        session = self._session(context)
        try:
            offered = await session.tools()
        except McpbridgeError as error:
            raise self._failed(error) from None
        names = self._called(offered)
        return types.ListToolsResult(tools=[_tool(names[name], tool) for name, tool in offered.items()])

    async def _call(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        session = self._session(context)
        try:
            names = self._called(session.offered or await session.tools())
            name = next((name for name, shown in names.items() if shown == params.name), params.name)
            called = await session.call(
                name,
                params.arguments or {},
                approver=self._approver(context),
                progressed=lambda event: self._progress(context, event),
            )
        except McpbridgeError as error:
            raise self._failed(error) from None
        return types.CallToolResult(content=blocks(called.output), is_error=called.failed)

    def _session(self, context: Context) -> Session:
        """One conversation for each session of the older protocol, else one for each caller."""
        token = get_access_token()
        principal = self.assembly.config.principal if token is None else token.client_id
        request: Any = context.request
        headers: Mapping[str, str] = {} if request is None else request.headers
        key = f"{principal}\0{headers.get('mcp-session-id', '')}"
        if key not in self._sessions:
            if len(self._sessions) >= _MAX_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[key] = Session(
                assembly=self.assembly, conversation=self.assembly.new_conversation(principal)
            )
        return self._sessions[key]

    def _approver(self, context: Context) -> Approver:
        if self.ask_client and can_ask(context.session):
            client = context.session.client_params
            name = client.client_info.name if client is not None else "client"
            return ClientApprover(session=context.session, by=f"client {name}")
        return self.approver or DenyApprover()

    def _progress(self, context: Context, event: CallProgress) -> None:
        task = asyncio.create_task(
            context.session.report_progress(event.progress, event.total, event.message or None)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _called(self, offered: Mapping[str, LocalTool]) -> dict[str, str]:
        return shown_names({name: tool.definition.name for name, tool in offered.items()}, self.names)

    def _failed(self, error: McpbridgeError) -> MCPError:
        """A failure of the gateway itself. Nothing took effect without its record."""
        text = self.assembly.mask.text(str(error))
        self.assembly.log.warning("gateway_failed", error=text)
        told = "no record can be written, so nothing runs" if isinstance(error, AuditUnavailable) else text
        return MCPError(types.INTERNAL_ERROR, told)


def shown_names(offered: Mapping[str, str], names: Names) -> dict[str, str]:
    """Function name → the name that clients see, from function name → the tool's own. No two are the same: a
    tool's own name is not used where another has it, or where it is another tool's `label__tool`."""
    if names == "qualified":
        return {name: name for name in offered}
    own = list(offered.values())
    return {
        name: tool if own.count(tool) == 1 and tool not in offered else name for name, tool in offered.items()
    }


def _tool(name: str, tool: LocalTool) -> types.Tool:
    """As the client sees it. A server's annotations are its claims: they are not passed on as ours."""
    definition = tool.definition
    schema = {"type": "object", **definition.input_schema}
    return types.Tool(name=name, description=definition.description or None, input_schema=dict(schema))
