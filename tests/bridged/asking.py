"""MCP servers over HTTP that ask for something in the middle of a call, in either protocol era."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Response

from mcpbridge import Approver
from mcpbridge.testing import Step, function_call, message, response
from tests.bridged.scene import ALL, Scene
from tests.mcp_servers.web import Web

SAMPLE: Mapping[str, Any] = {
    "method": "sampling/createMessage",
    "params": {
        "messages": [{"role": "user", "content": {"type": "text", "text": "Sum up: the tide is high"}}],
        "systemPrompt": "You are brief.",
        "maxTokens": 100,
    },
}
ROOTS: Mapping[str, Any] = {"method": "roots/list"}


def wish(**params: Any) -> Mapping[str, Any]:
    """A wish for words, with other parameters."""
    return {**SAMPLE, "params": {**SAMPLE["params"], **params}}


@dataclass(slots=True)
class Asker:
    """Asks what `questions` says in its only tool, and returns the answers as JSON text."""

    web: Web
    modern: bool
    questions: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    answers: list[Any] = field(default_factory=list[Any])
    """What came back, in order: results, or errors."""
    declared: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    """The capabilities that it was told of."""

    def scene(
        self,
        folder: Path,
        *more: Step,
        extra: str = "",
        approver: Approver | None = None,
    ) -> Scene:
        """The model calls the tool, and ends. `more` are its steps in between: its words for the server."""
        steps: list[Step] = [
            response(function_call("asker__ask", {}, call_id="call_1")),
            *more,
            response(message("done")),
        ]
        servers = f'\n  - {{label: asker, via: bridge, url: "{self.web.url}"{extra}}}\n'
        return Scene(folder=folder, boxes={}, steps=steps, servers=servers, policy=ALL, approver=approver)


def asker(site: HTTPServer, *, modern: bool, questions: list[Mapping[str, Any]]) -> Asker:
    """Started by its first request."""
    found = Asker(web=Web(site, modern=modern), modern=modern, questions=questions)
    found.web.on["tools/list"] = lambda message, _: {
        "tools": [{"name": "ask", "inputSchema": {"type": "object"}}],
        "ttlMs": 0,
        "cacheScope": "private",
    }
    if modern:
        _ask_in_rounds(found)
    else:
        _ask_on_streams(found)
    return found


def _ask_in_rounds(found: Asker) -> None:
    def call(message: dict[str, Any], _: object) -> Mapping[str, Any]:
        params = message["params"]
        found.declared.append(params["_meta"]["io.modelcontextprotocol/clientCapabilities"])
        answers = params.get("inputResponses")
        if answers is None:
            asked = {f"q{number}": question for number, question in enumerate(found.questions)}
            return {"resultType": "input_required", "inputRequests": asked, "requestState": "s"}
        found.answers += answers.values()
        return {"content": [{"type": "text", "text": json.dumps(answers)}]}

    found.web.on["tools/call"] = call


def _ask_on_streams(found: Asker) -> None:
    """Each question is an event of the call's own answer; what is answered comes as requests of their own."""
    came = threading.Semaphore(0)
    serve = found.web.on

    def initialize(message: dict[str, Any], _: object) -> Mapping[str, Any]:
        found.declared.append(message["params"]["capabilities"])
        return {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "asker", "version": "1"},
        }

    def stream(call_id: Any) -> Iterator[str]:
        for number, question in enumerate(found.questions):
            yield _event({"jsonrpc": "2.0", "id": f"q{number}", **question})
        for _ in found.questions:
            came.acquire(timeout=20)
        text = {"content": [{"type": "text", "text": json.dumps(found.answers)}]}
        yield _event({"jsonrpc": "2.0", "id": call_id, "result": text})

    def call(message: dict[str, Any], _: object) -> Response:
        return Response(stream(message["id"]), content_type="text/event-stream")

    def answered(message: dict[str, Any], _: object) -> Response:
        found.answers.append(message.get("result") or message["error"])
        came.release()
        return Response(status=202)

    serve |= {"initialize": initialize, "tools/call": call, "": answered}


def _event(body: Mapping[str, Any]) -> str:
    return f"event: message\ndata: {json.dumps(body)}\n\n"
