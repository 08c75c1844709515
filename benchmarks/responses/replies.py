"""What the service answers: complete `Response` objects of the wire, as bytes, made once."""

from __future__ import annotations

import json
from typing import Any, Final

Item = dict[str, Any]

CIPHERTEXT: Final = "gAAAAABm" + "Qk3xZ7pA" * 255
"""2 KiB, the size of a short reasoning item's `encrypted_content`."""

ISSUE: Final = {
    "title": "Checkout fails for guests",
    "body": "Since Monday guests see an error page after they pay. The logs show a missing address.",
    "labels": ["bug", "checkout"],
    "assignee": "maria",
}


def response(number: int, *output: Item) -> bytes:
    """A completed response with the fields that OpenAI sends."""
    body = {
        "id": f"resp_{number:048x}",
        "object": "response",
        "created_at": 1_790_000_000 + number,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": "gpt-5.2",
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": "medium", "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 812,
            "input_tokens_details": {"cached_tokens": 640},
            "output_tokens": 96,
            "output_tokens_details": {"reasoning_tokens": 64},
            "total_tokens": 908,
        },
        "user": None,
        "metadata": {},
    }
    return json.dumps(body).encode()


def reasoning(number: int) -> Item:
    return {
        "id": f"rs_{number:048x}",
        "type": "reasoning",
        "summary": [],
        "encrypted_content": CIPHERTEXT,
    }


def message(number: int) -> Item:
    text = f"Answer {number}: I have looked into it, and here is what I found in the tracker."
    return {
        "id": f"msg_{number:048x}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}],
    }


def _tool(name: str, words: str, **properties: Item) -> Item:
    schema = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    return {
        "name": name,
        "description": words,
        "input_schema": schema,
        "annotations": {"readOnlyHint": False},
    }


_TEXT: Final = {"type": "string", "description": "Plain text; Markdown is shown as it is."}
_NUMBER: Final = {"type": "integer", "description": "The number in the issue's address.", "minimum": 1}
_LABELS: Final = {"type": "array", "items": {"type": "string"}, "description": "Names of labels that exist."}

TOOLS: Final[list[Item]] = [
    _tool("list_issues", "Lists issues, newest first.", state=_TEXT, labels=_LABELS, page=_NUMBER),
    _tool("get_issue", "One issue with its comments.", number=_NUMBER),
    _tool("search_issues", "Finds issues by their words.", query=_TEXT, page=_NUMBER),
    _tool("create_issue", "Opens an issue.", title=_TEXT, body=_TEXT, labels=_LABELS, assignee=_TEXT),
    _tool("update_issue", "Changes an issue.", number=_NUMBER, title=_TEXT, body=_TEXT, labels=_LABELS),
    _tool("add_comment", "Comments on an issue.", number=_NUMBER, body=_TEXT),
]


def listing() -> Item:
    return {"id": f"mcpl_{1:048x}", "type": "mcp_list_tools", "server_label": "tracker", "tools": TOOLS}


def approval_request() -> Item:
    return {
        "id": f"mcpr_{1:048x}",
        "type": "mcp_approval_request",
        "server_label": "tracker",
        "name": "create_issue",
        "arguments": json.dumps(ISSUE),
    }


def hosted_call() -> Item:
    return {
        "id": f"mcp_{1:048x}",
        "type": "mcp_call",
        "approval_request_id": f"mcpr_{1:048x}",
        "server_label": "tracker",
        "name": "create_issue",
        "arguments": json.dumps(ISSUE),
        "output": json.dumps({"number": 4711, "url": "https://tracker.example.com/issues/4711"}),
        "error": None,
        "status": "completed",
    }


def function_call(number: int, name: str, **arguments: Any) -> Item:
    return {
        "id": f"fc_{number:048x}",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{number:024x}",
        "name": name,
        "arguments": json.dumps(arguments),
    }


TEXT_TURN: Final = (response(1, reasoning(1), message(1)),)

APPROVAL_TURN: Final = (
    response(1, listing(), reasoning(1), approval_request()),
    response(2, hosted_call(), reasoning(2), message(2)),
)

FUNCTIONS_TURN: Final = (
    response(
        1,
        reasoning(1),
        function_call(1, "convert", amount=120.5, currency="EUR"),
        function_call(2, "convert", amount=99.0, currency="USD"),
        function_call(3, "weather", city="Lisbon", days=3),
        function_call(4, "add_note", text="Order two more adapters", labels=["office", "urgent"]),
        function_call(5, "add_note", text="Ask Maria about the invoice", labels=[]),
    ),
    response(2, reasoning(2), message(2)),
)


def conversation_turns(count: int) -> tuple[bytes, ...]:
    """`count` text turns of one conversation, each with its own ids."""
    return tuple(response(number, reasoning(number), message(number)) for number in range(1, count + 1))
