"""From a server's declaration to its connection. Credentials are resolved when it connects, and masked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from mcpbridge.config import Profile, SecretSources, ServerDeclaration, resolve_credentials
from mcpbridge.config.credentials import resolve_environment
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.engine.sampling_records import asked_record

if TYPE_CHECKING:
    import httpx2

    from mcpbridge.adapters.logging import Diagnostics
    from mcpbridge.adapters.mcp_servers.settings import HttpAddress, StdioCommand
    from mcpbridge.ports import AuditSink, ServerAsked, Toolbox


def is_bridged(server: ServerDeclaration, profile: Profile) -> bool:
    """Whether mcpbridge connects to it: with `auto`, where the profile does not say that it asks."""
    if server.via == "auto":
        return not (profile.hosted_mcp and profile.approvals_honoured)
    return server.via == "bridge"


def fallback_reason(server: ServerDeclaration, profile: Profile) -> str:
    """Why a server `via: auto` is connected to from here; empty where it is not, or was declared so."""
    if server.via != "auto" or not is_bridged(server, profile):
        return ""
    lacking = "approvals_honoured" if profile.hosted_mcp else "hosted_mcp"
    return f"the profile {profile.name!r} does not say {lacking}"


def connect(
    server: ServerDeclaration,
    sources: SecretSources,
    mask: Mask,
    log: Diagnostics,
    audit: AuditSink | None = None,
) -> Toolbox:
    """The toolbox of one bridged server; nothing is connected yet, and `mcp` is not loaded. `audit` takes
    what the server asks for outside any call; a probe has none."""
    from mcpbridge.adapters.mcp_servers.settings import Bounds, BridgedServer
    from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox

    connection = server.connection
    return ServerToolbox(
        BridgedServer(
            label=server.label,
            identity=server.identity,
            address=_address(server, sources, mask, log),
            protocol=connection.protocol,
            elicitation=connection.elicitation == "ask",
            offer=connection.offer,
            sampling=connection.sampling != "refuse",
            roots=connection.roots,
            noted=None if audit is None else partial(_noted, audit),
            bounds=Bounds(
                connect=connection.connect_timeout,
                listing=connection.connect_timeout,
                result_bytes=connection.max_result,
            ),
        )
    )


def _address(
    server: ServerDeclaration, sources: SecretSources, mask: Mask, log: Diagnostics
) -> HttpAddress | StdioCommand:
    from mcpbridge.adapters.mcp_servers.settings import HttpAddress, StdioCommand

    if server.command is not None:
        return StdioCommand(
            command=server.command,
            environment=partial(_environment, server, sources, mask),
            folder=server.connection.cwd,
            said=partial(_said, log, server.label),
        )
    assert server.url is not None, "a declaration has a url or a command"
    return HttpAddress(
        url=server.url,
        transport=server.connection.transport,
        headers=partial(_headers, server, sources, mask) if _credential(server) else None,
        auth=_oauth(server, sources, mask),
        private_hosts=frozenset(server.connection.allow_private),
    )


def _credential(server: ServerDeclaration) -> bool:
    """Plain headers too: nobody knows what a server takes for one."""
    return bool(server.headers) or server.authorization is not None


def _oauth(server: ServerDeclaration, sources: SecretSources, mask: Mask) -> httpx2.Auth | None:
    if server.oauth is None:
        return None
    from mcpbridge.adapters.oauth.declared import tokens_of
    from mcpbridge.adapters.oauth.tokens import OAuthAuth

    return OAuthAuth(tokens_of(server, sources, mask), partial(_headers, server, sources, mask))


async def _headers(server: ServerDeclaration, sources: SecretSources, mask: Mask) -> Mapping[str, Secret]:
    found = await resolve_credentials(server, sources, authorization_in="header")
    mask.add(found.sensitive)
    return found.headers


async def _environment(server: ServerDeclaration, sources: SecretSources, mask: Mask) -> Mapping[str, Secret]:
    found, sensitive = await resolve_environment(server, sources)
    mask.add(sensitive)
    return found


async def _noted(audit: AuditSink, asked: ServerAsked) -> None:
    await audit.append(asked_record(asked))


def _said(log: Diagnostics, label: str, line: str) -> None:
    log.info("server_said", server_label=label, line=line)
