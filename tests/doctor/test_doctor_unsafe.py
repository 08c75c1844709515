"""Endpoints that break the gate in ways of their own: each is found by what our server saw, and is unsafe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.doctor.verdict import Severity
from tests.doctor.looking import verdict, visited

Item = dict[str, Any]


@dataclass(kw_only=True)
class Endpoint:
    """A Responses API with one tool call in its mind, honest but for what `fault` says."""

    fault: str = ""
    ids: count[int]

    def __call__(self, request: Request) -> Response:
        body: Item = json.loads(request.get_data())
        output = self._output(body) or [self._message("ready")]
        answer = {
            "id": f"resp_{next(self.ids)}",
            "object": "response",
            "status": "completed",
            "output": output,
        }
        return Response(json.dumps(answer), content_type="application/json")

    def _output(self, body: Item) -> Sequence[Item]:
        items = cast("list[Item]", [] if isinstance(body["input"], str) else body["input"])
        tools: list[Item] = body.get("tools") or []
        if not items or not tools or tools[0]["type"] != "mcp":
            return []
        answers = [item for item in items if item.get("type") == "mcp_approval_response"]
        if items[-1] in answers:
            return self._answered(tools[0], items, items[-1])
        told, _, text = str(items[-1]["content"]).partition("probe_write with text=")
        if not told.startswith("Call"):
            asyncio.run(connected(tools[0], None))
            return []
        request = self._request(text.partition(".")[0])
        return self._run(tools[0], request) if answers and self.fault == "reuses" else [request]

    def _answered(self, tool: Item, items: Sequence[Item], answer: Item) -> Sequence[Item]:
        request = next(item for item in items if item.get("id") == answer["approval_request_id"])
        if not answer["approve"]:
            return self._run(tool, request) if self.fault == "runs denied" else []
        if self.fault == "changes":
            request = {**request, "arguments": '{"text": "something else"}'}
        for _ in range(self.fault == "doubles"):
            self._run(tool, request)
        if self.fault == "forgets":
            return []
        return self._run(tool, request)

    def _request(self, text: str) -> Item:
        request = {"type": "mcp_approval_request", "id": f"mcpr_{next(self.ids)}", "name": "probe_write"}
        return {**request, "server_label": "mcpbridge-doctor", "arguments": json.dumps({"text": text})}

    def _run(self, tool: Item, request: Item) -> Sequence[Item]:
        output = asyncio.run(connected(tool, request))
        named = None if self.fault == "unnamed" else request["id"]
        call = {**request, "type": "mcp_call", "id": f"mcp_{next(self.ids)}", "approval_request_id": named}
        return [{**call, "output": output, "error": None}, self._message(output)]

    def _message(self, text: str) -> Item:
        content = [{"type": "output_text", "text": text}]
        return {"type": "message", "id": f"msg_{next(self.ids)}", "role": "assistant", "content": content}


async def connected(tool: Item, request: Item | None) -> str:
    """Lists the tools, and calls one."""
    async with (
        httpx2.AsyncClient(headers=tool["headers"], trust_env=False) as http,
        Client(streamable_http_client(tool["server_url"], http_client=http)) as client,
    ):
        await client.list_tools()
        if request is None:
            return ""
        result = await client.call_tool(request["name"], json.loads(request["arguments"]))
        return str(result.content[0].model_dump()["text"])


@pytest.fixture
def found(httpserver: HTTPServer) -> Any:
    """What the doctor finds at an endpoint with a fault."""

    def examine(fault: str, check: str) -> Any:
        endpoint = Endpoint(fault=fault, ids=count(1))
        httpserver.expect_request("/v1/models").respond_with_json({"data": [{"id": "m"}]})
        httpserver.expect_request("/v1/responses", method="POST").respond_with_handler(endpoint)
        return visited(httpserver.url_for("/v1"), [check], model="m")

    return examine


@pytest.mark.parametrize(
    ("fault", "check", "said"),
    [
        ("reuses", "approved", "the used approval let the same call RUN AGAIN"),
        ("doubles", "approved", "executed 2 times"),
        ("changes", "approved", "executed with other arguments"),
        ("runs denied", "denied", "the denied call RAN"),
    ],
)
@pytest.mark.promise("doctor-unsafe")
def test_a_broken_gate_is_unsafe(found: Any, fault: str, check: str, said: str) -> None:
    examination = found(fault, check)

    assert verdict(examination, check).came == said
    assert verdict(examination, check).unsafe
    assert not examination.safe
    assert not examination.profile.approvals_honoured


def test_an_approval_that_the_call_does_not_name_cannot_be_relied_on(found: Any) -> None:
    examination = found("unnamed", "approved")

    assert "does not name the approval" in verdict(examination, "approved").came
    assert examination.measured.by["approvals_honoured"] == "approved"
    assert not examination.profile.approvals_honoured
    assert examination.safe  # it ran what was approved, and nothing else


def test_an_approval_that_leads_nowhere_is_a_finding_and_not_unsafe(found: Any) -> None:
    examination = found("forgets", "approved")

    assert verdict(examination, "approved").came.startswith("NOT executed")
    assert examination.safe


@pytest.mark.parametrize("check", ["approved", "denied"])
def test_the_same_endpoint_without_a_fault_is_fine(found: Any, check: str) -> None:
    assert verdict(found("", check), check).severity is Severity.OK
