"""What the model is told of a call that was denied or failed: never more than is known.

Of a call that is tried again an earlier attempt may have taken effect. That this attempt did nothing says
nothing about that one.
"""

from __future__ import annotations

from typing import Final

from mcpbridge.core.conversation import Conversation

DENIED_TEXT: Final = "The call was denied and did not run. Reason: {reason}"
_EARLIER: Final = "It is not known whether an earlier attempt at this call took effect."


def denied_here(conversation: Conversation, request_id: str, reason: str) -> str:
    """The output of a function call that was denied."""
    if request_id in conversation.doubtful:
        return f"{_EARLIER} This one was denied and did not run. Reason: {reason}"
    return DENIED_TEXT.format(reason=reason)


def denied_there(conversation: Conversation, request_id: str, reason: str) -> str:
    """The reason in an `mcp_approval_response` that denies."""
    return f"{_EARLIER} This one was denied: {reason}" if request_id in conversation.doubtful else reason


def failed(conversation: Conversation, request_id: str, output: str) -> str:
    """The output of a function call that failed, which may say that nothing was done."""
    return f"{_EARLIER} Of this one: {output}" if request_id in conversation.doubtful else output
