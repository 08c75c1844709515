"""The other side: the openai client doing the minimum by hand, as its documentation shows it.

No rules, no audit, no checks: whatever the model asks for is approved or called.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, Final

import httpx2
import openai

from benchmarks.responses.local_functions import DECLARATIONS, FUNCTIONS

MCP_TOOL: Final[dict[str, Any]] = {
    "type": "mcp",
    "server_label": "tracker",
    "server_url": "https://tracker.example.com/mcp",
    "server_description": "Issues of the web team.",
    "headers": {"Authorization": "Bearer tracker-token-0001"},
    "require_approval": "always",
    "allowed_callers": ["direct"],
}
ALL_TOOLS: Final[list[Any]] = [MCP_TOOL, *DECLARATIONS]


async def turn(client: openai.AsyncOpenAI, items: list[Any], prompt: str, tools: list[Any]) -> str:
    """One turn; `items` is the conversation and grows."""
    items.append({"role": "user", "content": prompt})
    while True:
        response = await client.responses.create(
            model="gpt-5.2",
            input=items,
            tools=tools,
            store=False,
            include=["reasoning.encrypted_content"],
        )
        items += response.output
        answers = [answer for item in response.output if (answer := await _answer(item)) is not None]
        if not answers:
            return response.output_text
        items += answers


async def turn_of_dicts(client: openai.AsyncOpenAI, items: list[Any], prompt: str, tools: list[Any]) -> str:
    """The same without the client's models: dicts in, dicts out. Told apart because it is the least that
    anybody can pay; few programs are written so."""
    items.append({"role": "user", "content": prompt})
    while True:
        body = {
            "model": "gpt-5.2",
            "input": items,
            "tools": tools,
            "store": False,
            "include": ["reasoning.encrypted_content"],
        }
        raw = await client.post("/responses", body=body, cast_to=httpx2.Response)
        output: list[dict[str, Any]] = raw.json()["output"]
        items += output
        answers = [a for item in output if (a := await _answer(SimpleNamespace(**item))) is not None]
        if not answers:
            return "".join(part["text"] for item in output for part in item.get("content") or ())
        items += answers


async def _answer(item: Any) -> dict[str, Any] | None:
    if item.type == "mcp_approval_request":
        return {"type": "mcp_approval_response", "approval_request_id": item.id, "approve": True}
    if item.type == "function_call":
        result = await FUNCTIONS[item.name](**json.loads(item.arguments))
        output = result if isinstance(result, str) else json.dumps(result)
        return {"type": "function_call_output", "call_id": item.call_id, "output": output}
    return None
