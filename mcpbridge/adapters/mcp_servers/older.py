"""A server that asks in the way of the older protocol, over a connection of the newer one.

Written with the official SDK (mcp 2.3.0), `await ctx.elicit(…)` sends a request to the client, which the
stateless protocol has no way for. The SDK then fails the call, and its words name no remedy.
"""

from __future__ import annotations

import re
from typing import Final

from mcp_types import CallToolResult, TextContent

HINT: Final = "it asks as in the older protocol; write `protocol: legacy` in the server's declaration"
_WORDS: Final = re.compile(r"Cannot send '[a-zA-Z/]{1,40}': this transport context has no back-channel")
_READ: Final = 2_000
"""Characters that are looked at."""


def asks_as_of_old(words: str) -> bool:
    """Whether they are the SDK's about such a question. A server that only says so changes nothing."""
    return bool(_WORDS.search(words[:_READ]))


def failed_of_old(result: CallToolResult) -> bool:
    """The same for a result: a tool may have caught the error and told it."""
    texts = [part.text for part in result.content if isinstance(part, TextContent)]
    return bool(result.is_error) and any(map(asks_as_of_old, texts))
