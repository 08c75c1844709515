"""What to write instead, where a server's refusal looks like that of one which speaks something else."""

from __future__ import annotations

from typing import Final

from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.adapters.mcp_servers.settings import BridgedServer, HttpAddress

_NO_POSTS: Final = frozenset({404, 405})
"""What a server of the older transport answers to a POST at the URL of its stream."""
_SSE: Final = "; is this the whole URL? for a server of the older HTTP+SSE, write transport: sse"
_LEGACY: Final = "; where it speaks an older protocol, write protocol: legacy, or leave that out"


def advice(server: BridgedServer, sending: Sending) -> str:
    """To be put behind the reason; empty where nothing speaks for another transport or protocol."""
    address = server.address
    if not isinstance(address, HttpAddress) or address.transport == "sse" or sending.session_lost:
        return ""
    if sending.status in _NO_POSTS:
        return _SSE
    return _LEGACY if sending.status == 400 and server.protocol == "2026-07-28" else ""
