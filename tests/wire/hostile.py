"""A configuration against a server that answers exactly what it is told to, and what it may answer."""

from __future__ import annotations

import asyncio
import json
import traceback
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge import (
    Bridge,
    MemoryAudit,
    Retries,
    tool,
)
from mcpbridge.config import load_config_text
from tests.wire.stack import sources

TOKEN = "canary+token/9876543210=="


KEY = "sk-canary-key-123456"


ONCE = Retries(attempts=1)


ALLOW = """
version: 1
defaults: {decision: deny, unknown_tool: deny}
rules: [{id: all, effect: allow, tools: ["*"]}]
"""


ran: list[str] = []


@tool
def act() -> str:
    """Do something."""
    ran.append("act")
    return "ok"


@tool
def keep(key: str) -> str:
    """Keep something."""
    ran.append(key)
    return "kept"


def message(text: str) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def response(*output: Any, **fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "status": "completed", "output": list(output), **fields}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "act", "arguments": "{}"}


ASKS = {
    "type": "mcp_approval_request",
    "id": "mcpr_1",
    "server_label": "files",
    "name": "pay",
    "arguments": "{}",
}


def completed(*output: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(*output)}


def events(*found: Any) -> bytes:
    texts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in found]
    return b"".join(b"data: " + text + b"\n\n" for text in texts)


class Hostile:
    """A configuration against a server that answers exactly what it is told to."""

    def __init__(self, server: HTTPServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.env = {"KEY": KEY, "TOK": TOKEN}
        self.posts: list[bytes] = []
        self.header = "Bearer ${env:TOK}"
        self.model_extra = ""
        self.url = server.url_for("/v1")
        ran.clear()

    def answers(self, *bodies: Any) -> None:
        """One body for each request; the last one again and again."""

        def handler(request: Request) -> Response:
            self.posts.append(request.get_data())
            body = bodies[min(len(self.posts), len(bodies)) - 1]
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            kind = "text/event-stream" if data.startswith(b"data:") else "application/json"
            return Response(data, content_type=kind)

        self.server.expect_request("/v1/responses").respond_with_handler(handler)

    def bridge(self, *, retries: Retries = ONCE, **options: Any) -> Bridge:
        (self.folder / "policy.yaml").write_text(ALLOW)
        text = (
            f'model: {{name: m, endpoint: local, url: "{self.url}", api_key: "${{env:KEY}}"'
            f"{self.model_extra}}}\nservers:\n  - label: files\n    url: https://files.test/mcp\n"
            f'    headers: {{X-Api: "{self.header}"}}\npolicy: policy.yaml\n'
        )
        config = load_config_text(text, file="mcpbridge.yaml", directory=self.folder)
        return Bridge.from_yaml(
            config,
            tools=[act, keep],
            sources=sources(self.env),
            audit=MemoryAudit(),
            retries=retries,
            state_key=b"k" * 32,
            **options,
        )

    def talk(self, *, stream: bool = False, **options: Any) -> tuple[str, str]:
        """The final text, and the saved state."""

        async def whole() -> tuple[str, str]:
            async with self.bridge(**options) as bridge:
                result = await bridge.run("hi", stream=stream)
                return result.text, bridge.dumps(result.conversation)

        return asyncio.run(whole())


def escaped(text: str) -> bytes:
    return text.replace("+", "\\u002B").replace("=", "\\u003d").replace("/", "\\/").encode()


def shown(error: BaseException) -> str:
    """All that an error carries: its chain, its attributes, and the locals of our frames."""
    found: list[str] = []
    link: BaseException | None = error
    while link is not None:
        found += [str(link), repr(link.args), repr(vars(link))]
        found += [
            repr(frame.f_locals)
            for frame, _line in traceback.walk_tb(link.__traceback__)
            if "/mcpbridge/" in frame.f_code.co_filename.replace("\\", "/")
        ]
        link = link.__cause__ or link.__context__
    return "\n".join(found)
