"""The `tools` of a request: hosted servers with their credentials, functions, accepted built-ins.

Credentials are resolved for each request and live as long as it (WIRE §1): they never enter saved
state. Everything resolved is told to the mask first, so that it cannot come back unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mcpbridge.config import Profile, SecretSources, ServerDeclaration, resolve_credentials
from mcpbridge.config.connection import Connection
from mcpbridge.core.declared import BridgedServer, HostedServer, SamplingTerms
from mcpbridge.core.offered import names
from mcpbridge.core.secret import Mask
from mcpbridge.ports import LocalTool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDeclarations:
    """Builds the wire's `tools` array."""

    servers: Mapping[str, ServerDeclaration]
    functions: Mapping[str, LocalTool]
    hosted_tools: Sequence[Mapping[str, Any]]
    profile: Profile
    sources: SecretSources
    mask: Mask

    async def tools(
        self, *, without: frozenset[str] = frozenset(), bridged: Sequence[Mapping[str, Any]] = ()
    ) -> list[dict[str, Any]]:
        """All tools, credentials in clear: for sending, never for keeping. `without` leaves servers out;
        `bridged` are the function tools of bridged servers."""
        servers = [
            await self._server(server) for label, server in self.servers.items() if label not in without
        ]
        functions = [function_tool(tool) for tool in self.functions.values()]
        told = [cast("dict[str, Any]", self.mask.value(one)) for one in bridged]  # by servers, ours or not
        return [*servers, *functions, *told, *map(dict, self.hosted_tools)]

    async def _server(self, server: ServerDeclaration) -> dict[str, Any]:
        credentials = await resolve_credentials(
            server, self.sources, authorization_in=self.profile.authorization_in
        )
        self.mask.add(credentials.sensitive)
        tool: dict[str, Any] = {
            "type": "mcp",
            "server_label": server.label,
            **_address(server),
            # Always sent: missing means `always` at OpenAI and `never` in some compatible servers.
            "require_approval": "never" if server.observe else "always",
        }
        if server.description:
            tool["server_description"] = server.description
        if credentials.headers:
            tool["headers"] = {name: value.reveal() for name, value in credentials.headers.items()}
        if credentials.authorization is not None:
            tool["authorization"] = credentials.authorization.reveal()
        if server.allowed_tools is not None:
            tool["allowed_tools"] = list(server.allowed_tools)
        if server.defer_loading:
            tool["defer_loading"] = True
        if self.profile.allowed_callers:
            # Model-written code could otherwise call tools in a loop (WIRE §1).
            tool["allowed_callers"] = ["direct"]
        return tool


def _address(server: ServerDeclaration) -> dict[str, str]:
    if server.url is not None:
        return {"server_url": server.url}
    if server.connector_id is not None:
        return {"connector_id": server.connector_id}
    return {"tunnel_id": str(server.tunnel_id)}


def function_tool(tool: LocalTool) -> dict[str, Any]:
    """The wire's function tool. `strict: false`: 43 of 322 real tool schemas satisfy strict mode, and
    arguments are validated here in any case."""
    definition = tool.definition
    return {
        "type": "function",
        "name": definition.name,
        "description": definition.description,
        "parameters": dict(definition.input_schema),
        "strict": False,
    }


def bridged_server(server: ServerDeclaration) -> BridgedServer:
    """The same for a server that mcpbridge connects to."""
    return BridgedServer(
        label=server.label,
        identity=server.identity,
        allowed_tools=server.callable_tools,
        trusted=server.trust_annotations,
        optional=server.on_unavailable == "continue",
        max_tools=server.connection.max_tools,
        idempotent=frozenset(server.connection.idempotent) | names(server.connection.offer),
        call_timeout=server.connection.call_timeout,
        sampling=_sampling(server.connection),
    )


def _sampling(connection: Connection) -> SamplingTerms | None:
    if connection.sampling == "refuse":
        return None
    return SamplingTerms(
        review=connection.sampling == "review",
        max_tokens=connection.sampling_max_tokens,
        max_requests=connection.sampling_max_requests,
    )


def hosted_server(server: ServerDeclaration) -> HostedServer:
    """The declaration as the core needs it: no credential in it."""
    return HostedServer(
        label=server.label,
        identity=server.identity,
        allowed_tools=frozenset(server.allowed_tools) if server.allowed_tools is not None else None,
        observed=server.observe,
        trusted=server.trust_annotations,
        deferred=server.defer_loading,
    )
