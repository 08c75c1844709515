"""What we send, against openai's own types and (where it is at hand) the published description."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import BaseModel, TypeAdapter, ValidationError

from mcpbridge import Deny, Image, ScriptedApprover, tool
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.service.published import published_problems
from tests.wire.stack import Stack, run

SCRIPT = """
rules:
  - when: {user: "start"}
    then:
      - reasoning: "Much to do."
      - mcp: {server: tracker, tool: list_issues, arguments: {}}
      - mcp: {server: tracker, tool: send_mail, arguments: {to: a@b.example, subject: s, body: b}}
      - mcp: {server: tracker, tool: create_issue, arguments: {title: "ü ✓ \\U0001F600", body: b}}
      - call: {name: draw, arguments: {what: "a house"}}
      - call: {name: nobody_has_this, arguments: {}}
      - call: {name: draw, arguments: {wrong: 1}}
  - when: {mcp_result: "tracker.list_issues"}
    then:
      - reasoning: "Nearly."
      - {say: "checking", phase: commentary}
      - mcp: {server: tracker, tool: read_issue, arguments: {id: 99}}
  - when: {mcp_error: tracker.read_issue}
    then: [{reasoning: "Done."}, {say: '{"summary": "all done"}', phase: final_answer}]
  - when: {user: "more"}
    then: [{refuse: "no"}]
"""


class Summary(BaseModel):
    summary: str


@tool
def draw(what: str) -> list[str | Image]:
    """Draw something."""
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
    return [f"here is {what}", Image(data=pixel, media_type="image/png")]


@cache
def openai_types() -> TypeAdapter[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TypeAdapter(ResponseCreateParamsNonStreaming)


@pytest.mark.promise("valid-requests")
@pytest.mark.parametrize("mcp_results", ["function_pair", "native"])
def test_every_request_of_a_rich_conversation_is_valid(
    mcp_results: str, tracker: Tracker, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            extra=f"replay: {{mcp_results: {mcp_results}}}\n",
            server_extra="    description: Issues\n"
            "    allowed_tools: [list_issues, send_mail, create_issue, read_issue]\n",
            model_extra=", reasoning: {effort: low, summary: auto}, "
            "instructions: Be brief., max_output_tokens: 999",
        )
        approver = ScriptedApprover([Deny(reason="not that one"), "yes", "yes", "yes", "yes"])

        async def talk() -> None:
            async with stack.bridge(tools=[draw], approver=approver) as bridge:
                first = await bridge.run("start", output_type=Summary, principal="ci")
                assert first.output == Summary(summary="all done")
                image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
                more = [{"type": "input_text", "text": "more"}, image]
                second = await bridge.run(more, conversation=first.conversation)
                assert second.text == "no"

        run(talk())

        with pytest.raises(ValidationError):  # the check can fail
            openai_types().validate_python({**service.bodies[0], "input": [{"type": "function_call"}]})
        assert service.posts >= 4
        for body in service.bodies:
            assert published_problems("CreateResponse", body) == []
            openai_types().validate_python(body)
            assert all(
                tool["require_approval"] == "always" for tool in body["tools"] if tool["type"] == "mcp"
            )
