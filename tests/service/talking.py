"""Talking to the service in tests: raw HTTP, the openai client, and the pieces of a conversation."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from openai import OpenAI

from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import Mind, running_in_thread
from tests.service.published import assert_are_events, assert_is_response, published_problems

Item = dict[str, Any]
ENCRYPTED = "reasoning.encrypted_content"


def declared(tracker: Tracker, **changes: Any) -> Item:
    """The tracker as a hosted MCP tool."""
    declaration = {
        "type": "mcp",
        "server_label": "tracker",
        "server_url": tracker.url,
        "authorization": tracker.token,
        "require_approval": "always",
    }
    return {key: value for key, value in {**declaration, **changes}.items() if value is not ...}


def function(name: str) -> Item:
    return {"type": "function", "name": name, "parameters": {"type": "object"}, "strict": False}


def user(text: str) -> Item:
    return {"type": "message", "role": "user", "content": text}


def answer(request: Item, approve: bool = True, reason: str | None = None) -> Item:
    decision = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve}
    return {**decision, "reason": reason} if reason else decision


def output_of(call: Item, output: str) -> Item:
    return {"type": "function_call_output", "call_id": call["call_id"], "output": output}


def only(items: Sequence[Item], kind: str) -> Item:
    found = [item for item in items if item["type"] == kind]
    assert len(found) == 1, [item["type"] for item in items]
    return found[0]


def kinds(items: Sequence[Item]) -> list[str]:
    return [item["type"] for item in items]


def text_in(items: Sequence[Item]) -> str:
    messages = [item for item in items if item["type"] == "message"]
    return "".join(part["text"] for message in messages for part in message["content"])


@dataclass(slots=True, kw_only=True)
class Talk:
    """A stateless conversation by raw HTTP; every body and event is checked against both descriptions."""

    endpoint: LocalEndpoint
    http: httpx2.Client
    tools: list[Item] = field(default_factory=list[Item])
    options: Item = field(default_factory=Item)
    items: list[Item] = field(default_factory=list[Item])

    def body(self, *new: Item, **options: Any) -> Item:
        body = {"model": "scripted", "input": [*self.items, *new], "tools": self.tools, "store": False}
        return {**body, **self.options, **options}

    def post(self, body: Item, key: str | None = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key or self.endpoint.api_key}"}
        return self.http.post(f"{self.endpoint.base_url}/responses", json=body, headers=headers)

    def say(self, *new: Item, **options: Any) -> list[Item]:
        """Sends the items so far and the new ones; keeps them and the output. The output."""
        body = self.body(*new, **options)
        assert published_problems("CreateResponse", body) == []
        answered = self.post(body)
        assert answered.status_code == 200, answered.text
        assert_is_response(answered.json())
        output: list[Item] = answered.json()["output"]
        self.items += [*new, *output]
        return output

    def refused(self, *new: Item, status: int = 400, **options: Any) -> Item:
        """Sends, expects an error of this status, keeps nothing. The error."""
        answered = self.post(self.body(*new, **options))
        assert answered.status_code == status, answered.text
        assert published_problems("ErrorResponse", answered.json()) == []
        error: Item = answered.json()["error"]
        return error

    def stream(self, *new: Item, **options: Any) -> list[Item]:
        """Sends with `stream: true`, keeps nothing. The events."""
        answered = self.post(self.body(*new, stream=True, **options))
        assert answered.status_code == 200, answered.text
        events = events_in(answered.text)
        assert_are_events(events)
        return events


def events_in(text: str) -> list[Item]:
    return [
        json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")
    ]


@contextmanager
def talking(script: Mind, *tools: Item, **options: Any) -> Generator[Talk, None, None]:
    """A service that plays `script`, and a conversation with it. `options` go to running_in_thread."""
    with running_in_thread(script, **options) as endpoint, httpx2.Client() as http:
        yield Talk(endpoint=endpoint, http=http, tools=list(tools))


@contextmanager
def openai_client(
    endpoint: LocalEndpoint, *, key: str | None = None, timeout: float = 30, max_retries: int = 0
) -> Generator[OpenAI, None, None]:
    key = key or endpoint.api_key
    with OpenAI(base_url=endpoint.base_url, api_key=key, timeout=timeout, max_retries=max_retries) as client:
        yield client
