"""Short ways to a conversation that has come some way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mcpbridge.core.conversation import ApprovalAnswer, Conversation, FunctionAnswer
from mcpbridge.core.declared import Declared, HostedServer
from mcpbridge.core.entries import McpResults
from mcpbridge.testing import numbered, response

DECLARED = Declared(
    servers={
        "files": HostedServer(label="files", identity="https://files.test/mcp"),
        "docs": HostedServer(
            label="docs", identity="https://docs.test/mcp", allowed_tools=frozenset({"search"})
        ),
        "seen": HostedServer(label="seen", identity="https://seen.test/mcp", observed=True),
    },
    functions=frozenset({"add"}),
    ungated=frozenset({"web_search"}),
    origin="https://api.test|gpt",
)


def said(text: str = "Hello", *, mcp_results: McpResults = "function_pair") -> Conversation:
    return Conversation(id="conv_1", principal="ana", mcp_results=mcp_results).say(text)


def hear(conversation: Conversation, *items: Mapping[str, Any], **fields: Any) -> Conversation:
    """The conversation after one more response."""
    body = numbered(response(*items, **fields), len(conversation.entries))
    return conversation.receive(body, DECLARED)


def approve(
    conversation: Conversation, request_id: str, *, yes: bool = True, reason: str = ""
) -> Conversation:
    return conversation.answer(ApprovalAnswer(request_id=request_id, approve=yes, reason=reason))


def tell(conversation: Conversation, call_id: str, output: Any = "done") -> Conversation:
    return conversation.answer(FunctionAnswer(request_id=call_id, output=output))


def sent(conversation: Conversation) -> list[dict[str, Any]]:
    """The input of the next request, decoded."""
    return [json.loads(chunk) for chunk in conversation.request().encoded_items]


def kinds(conversation: Conversation) -> list[str]:
    return [str(item["type"]) for item in sent(conversation)]
