"""Who connects to a server, in words: `via auto` says which of the two it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcpbridge.config import Profile, ServerDeclaration


def way(server: ServerDeclaration, profile: Profile | None) -> str:
    """`via …`. Without the `profile` of an endpoint nothing is said about where auto leads."""
    if server.via != "auto" or profile is None:
        return f"via {server.via}"
    why = why_bridged(server, profile)
    return f"via auto: bridged here, because {why}" if why else "via auto: hosted"


def why_bridged(server: ServerDeclaration, profile: Profile | None) -> str:
    """Of a server `via: auto`; empty where the provider connects to it, or nobody can say."""
    if profile is None:
        return ""
    from mcpbridge.bridge.bridged import fallback_reason

    return fallback_reason(server, profile)
