"""An MCP server with the tools that the conformance suite wants of a server, in whichever era it is asked.

It stands behind the gateway: what the suite sees of it has come through the gate.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

Context = ServerRequestContext[Any]
Answer = types.CallToolResult | types.InputRequiredResult
Tool = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAVE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="
EMPTY: dict[str, Any] = {"type": "object", "properties": {}}
ADDRESS = {
    "$anchor": "addressDef",
    "type": "object",
    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
}
JSON_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": ADDRESS},
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
ONE = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
OK = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
COLOUR = {"type": "object", "properties": {"color": {"type": "string"}}, "required": ["color"]}
PERSON = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}
DEFAULTS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
    "required": [],
}
TITLED = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]
PLAIN = ["option1", "option2", "option3"]
ENUMS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": PLAIN},
        "titledSingle": {"type": "string", "oneOf": TITLED},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": PLAIN}},
        "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
    },
    "required": [],
}
NEXT = {"round 1": "round 2"}


def said(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)])


def answers(*blocks: types.ContentBlock) -> Tool:
    async def tool(_context: Context, _params: types.CallToolRequestParams) -> Answer:
        return types.CallToolResult(content=list(blocks))

    return tool


def form(message: str, schema: Mapping[str, Any]) -> types.ElicitRequest:
    params = types.ElicitRequestFormParams(message=message, requested_schema=dict(schema))
    return types.ElicitRequest(params=params)


def asks(key: str, message: str, schema: Mapping[str, Any]) -> Tool:
    """Asks in the middle of the call where the protocol has that, else by an answer that wants more."""

    async def tool(context: Context, params: types.CallToolRequestParams) -> Answer:
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            result = await context.session.elicit_form(message, dict(schema), context.request_id)
        else:
            given = (params.input_responses or {}).get(key)
            if not isinstance(given, types.ElicitResult):
                return types.InputRequiredResult(
                    input_requests={key: form(message, schema)}, request_state="state"
                )
            result = given
        return said(f"state-ok: action={result.action}, content={result.content}")

    return tool


async def in_two_steps(_context: Context, params: types.CallToolRequestParams) -> Answer:
    if params.request_state is None:
        requests = {"step1": form("Step 1: What is your name?", ONE)}
        return types.InputRequiredResult(input_requests=dict(requests), request_state="round 1")
    if params.request_state == "round 1":
        requests = {"step2": form("Step 2: What is your favorite color?", COLOUR)}
        return types.InputRequiredResult(input_requests=dict(requests), request_state="round 2")
    return said("both known")


async def fails(_context: Context, _params: types.CallToolRequestParams) -> Answer:
    text = types.TextContent(text="This tool intentionally returns an error for testing")
    return types.CallToolResult(content=[text], is_error=True)


async def reports(context: Context, _params: types.CallToolRequestParams) -> Answer:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
    return said("reported")


async def changes(_context: Context, _params: types.CallToolRequestParams) -> Answer:
    """There is one tool more, or one less."""
    if TOOLS.pop("test_comes_and_goes", None) is None:
        TOOLS["test_comes_and_goes"] = (EMPTY, answers(types.TextContent(text="here")))
    await BUS.publish(ToolsListChanged())
    return said("changed")


RESOURCE = types.TextResourceContents(uri="test://embedded", mime_type="text/plain", text="embedded")
BUS = InMemorySubscriptionBus()
NAMED = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
TOOLS: dict[str, tuple[dict[str, Any], Tool]] = {
    "test_simple_text": (EMPTY, answers(types.TextContent(text="This is a simple text response."))),
    "test_image_content": (EMPTY, answers(types.ImageContent(data=PIXEL, mime_type="image/png"))),
    "test_audio_content": (EMPTY, answers(types.AudioContent(data=WAVE, mime_type="audio/wav"))),
    "test_embedded_resource": (EMPTY, answers(types.EmbeddedResource(resource=RESOURCE))),
    "test_multiple_content_types": (
        EMPTY,
        answers(
            types.TextContent(text="Multiple content types test:"),
            types.ImageContent(data=PIXEL, mime_type="image/png"),
            types.EmbeddedResource(resource=RESOURCE),
        ),
    ),
    "test_error_handling": (EMPTY, fails),
    "test_tool_with_progress": (EMPTY, reports),
    "test_elicitation": (
        {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
        asks("answer", "Please provide your information", PERSON),
    ),
    "test_elicitation_sep1034_defaults": (EMPTY, asks("answer", "Please look at it", DEFAULTS)),
    "test_elicitation_sep1330_enums": (EMPTY, asks("answer", "Please choose", ENUMS)),
    "test_input_required_result_elicitation": (EMPTY, asks("user_name", "What is your name?", ONE)),
    "test_input_required_result_request_state": (EMPTY, asks("confirm", "Please confirm", OK)),
    "test_input_required_result_tampered_state": (EMPTY, asks("confirm", "Please confirm", OK)),
    "test_input_required_result_multi_round": (EMPTY, in_two_steps),
    "test_streaming_elicitation": (EMPTY, asks("answer", "Who are you?", ONE)),
    "test_logging_tool": (EMPTY, answers(types.TextContent(text="logged nothing"))),
    "test_trigger_tool_change": (EMPTY, changes),
    "test_header": (NAMED, answers(types.TextContent(text="heard"))),
    "json_schema_2020_12_tool": (JSON_SCHEMA, answers(types.TextContent(text="fits"))),
}


async def listed(_context: Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    tools = [
        types.Tool(name=name, description=f"The suite's {name}.", input_schema=schema)
        for name, (schema, _) in TOOLS.items()
    ]
    return types.ListToolsResult(tools=tools)


async def called(context: Context, params: types.CallToolRequestParams) -> Answer:
    return await TOOLS[params.name][1](context, params)


async def main() -> None:
    server: Server[Any] = Server(
        "everything",
        version="1",
        on_list_tools=listed,
        on_call_tool=called,
        on_subscriptions_listen=ListenHandler(BUS),
    )
    options = server.create_initialization_options(NotificationOptions(tools_changed=True))
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, options)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
