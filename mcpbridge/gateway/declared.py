"""A configuration as the gateway uses it: there is no provider, so it connects to every server itself."""

from __future__ import annotations

from dataclasses import replace

from mcpbridge.config import Configuration, ServerDeclaration


def connected_from_here(config: Configuration) -> tuple[Configuration, tuple[str, ...]]:
    """The configuration with all servers bridged, and the labels of those that only a provider can reach."""
    reachable = [server for server in config.servers if server.url is not None or server.command is not None]
    left_out = tuple(server.label for server in config.servers if server not in reachable)
    return replace(config, servers=tuple(map(_bridged, reachable))), left_out


def _bridged(server: ServerDeclaration) -> ServerDeclaration:
    if server.via == "bridge":
        return server
    return replace(server, via="bridge", authorization_in=None, defer_loading=False, observe=False)
