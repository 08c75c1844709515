"""The same transcript to the official runner and to mcpbridge, over real HTTP; what each of them did,
seen from outside."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import openai
from openai.lib.responses_tool_runner import (
    AsyncRegisteredFunction,
    AsyncResponsesToolRunner,
    ToolRunnerError,
)
from openai.types.responses import Response as ModelResponse
from openai.types.responses.response_output_item import McpApprovalRequest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge import Approve, Bridge, Configuration, Deny, McpbridgeError, MemoryAudit, Retries, tool
from mcpbridge.config import load_config_text
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer
from mcpbridge.engine.events import CallFinished
from tests.strictness.accepted import check_accepted
from tests.strictness.transcript import Transcript, says, text
from tests.wire.stack import sources

Effect = tuple[str, int, str]
"""What happened, after how many requests, to what."""

POLICY: Final = """
version: 1
defaults: {decision: ask}
rules: [{id: functions, effect: allow, tools: ["local.*"]}]
"""
CONFIG: Final = """
model: {name: m, endpoint: local, url: "http://127.0.0.1:9/v1"}
policy: policy.yaml
logging: {level: error}
accept_ungated: [web_search_2025_08_26, code_interpreter]
hosted_tools: [{type: web_search_2025_08_26}, {type: code_interpreter, container: cntr_1}]
servers:
  - {label: files, url: "https://files.test/mcp"}
  - {label: docs, url: "https://docs.test/mcp", allowed_tools: [search]}
  - {label: filtered, url: "https://filtered.test/mcp", allowed_tools: [search]}
  - {label: readers, url: "https://readers.test/mcp"}
  - {label: partly, url: "https://partly.test/mcp"}
  - {label: seen, url: "https://seen.test/mcp", observe: true}
"""
SERVERS: Final[dict[str, dict[str, Any]]] = {
    "files": {"require_approval": "always"},
    "docs": {"require_approval": "always", "allowed_tools": ["search"]},
    "filtered": {"require_approval": "always", "allowed_tools": {"tool_names": ["search"]}},
    "readers": {"require_approval": "always", "allowed_tools": {"read_only": True}},
    "partly": {"require_approval": {"never": {"tool_names": ["search"]}}},
    "seen": {"require_approval": "never"},
}
"""The same servers for the runner. It knows filters; mcpbridge has lists and `always` in their place."""
TOOLS: Final[list[dict[str, Any]]] = [
    *(
        {"type": "mcp", "server_label": label, "server_url": f"https://{label}.test/mcp", **found}
        for label, found in SERVERS.items()
    ),
    {"type": "web_search_2025_08_26"},
    {"type": "code_interpreter", "container": "cntr_1"},
]
_NUMBER: Final = {"type": "integer"}
FUNCTIONS: Final[dict[str, dict[str, Any]]] = {
    "add": {"type": "object", "properties": {"a": _NUMBER, "b": _NUMBER}, "required": ["a", "b"]},
    "note": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "fail": {"type": "object", "properties": {}},
}


_UNASKED: Final = frozenset(label for label, one in SERVERS.items() if one["require_approval"] == "never")


@dataclass(kw_only=True)
class Played:
    """What one side did with a transcript."""

    effects: Counter[Effect] = field(default_factory=Counter[Effect])
    posts: int = 0
    error: BaseException | None = None
    approved: set[str] = field(default_factory=set[str])
    history: list[Any] = field(default_factory=list[Any])
    """The items of the last request and its answer."""

    def note(self, kind: str, what: str) -> None:
        self.effects[kind, self.posts, what] += 1

    def ran(self, name: str, arguments: Any) -> None:
        self.note("ran", f"{name} {json.dumps(arguments, sort_keys=True)}")

    def heard(self, body: dict[str, Any]) -> None:
        """One request: each approval counts where it is sent first."""
        self.posts += 1
        for item in body["input"]:
            request_id = item.get("approval_request_id")
            if item.get("type") == "mcp_approval_response" and item["approve"] is not False:
                if request_id not in self.approved:
                    self.note("approved", request_id)
                self.approved.add(request_id)


def configuration(folder: Path) -> Configuration:
    """What mcpbridge is told; the client brings the address."""
    (folder / "policy.yaml").write_text(POLICY)
    return load_config_text(CONFIG, file="c.yaml", directory=folder)


@dataclass(kw_only=True)
class Stage:
    """A server that plays a transcript to each side."""

    server: HTTPServer
    config: Configuration

    async def play(self, transcript: Transcript, *, stream: bool) -> tuple[Played, Played]:
        """(official, ours)"""
        official, ours = Played(), Played()
        sides = {"official": official, "ours": ours}

        def answer(request: Request) -> Response:
            played = sides[request.path.split("/")[1]]
            played.heard(json.loads(request.get_data()))
            number = played.posts
            over = says(text("There is no more.", id=f"msg_over_{number}"))
            reply = transcript.replies[number - 1] if number <= len(transcript.replies) else over
            data = reply.stream(number) if stream else reply.whole(number)
            played.history = [*json.loads(request.get_data())["input"], *(reply.body(number)["output"] or [])]
            return Response(data, content_type="text/event-stream" if stream else "application/json")

        self.server.expect_request(re.compile("/(official|ours)/v1/responses")).respond_with_handler(answer)
        async with _client(self.server, "official") as client:
            await _official(client, transcript, official, stream=stream)
        async with _client(self.server, "ours") as client:
            await self._ours(client, transcript, ours, stream=stream)
        return official, ours

    async def _ours(
        self, client: openai.AsyncOpenAI, transcript: Transcript, played: Played, *, stream: bool
    ) -> None:
        bridge = Bridge.from_yaml(
            self.config,
            tools=[tool(function) for function in _functions(played)],
            approver=_Person(denied=transcript.denied),
            client=client,
            retries=Retries(attempts=1),
            audit=MemoryAudit(),
            sources=sources({}),
            state_key=b"k" * 32,
        )
        async with bridge:
            conversation = bridge.conversation()
            try:
                for _ in range(transcript.turns):
                    turn = bridge.turn("Go", conversation=conversation, stream=stream)
                    async for event in turn:
                        if isinstance(event, CallFinished) and event.evidence != "executed_here":
                            name = f"{event.server_label}.{event.tool}"
                            played.note("accepted", f"{event.request_id} {name}")
                    conversation = turn.conversation
            except McpbridgeError as error:
                played.error = error
                conversation = error.conversation or conversation
            check_accepted(conversation, unasked=_UNASKED)


@asynccontextmanager
async def _client(server: HTTPServer, side: str) -> AsyncGenerator[openai.AsyncOpenAI, None]:
    plain = openai.DefaultAsyncHttpxClient(verify=False)  # making a TLS context takes longer than the test
    async with openai.AsyncOpenAI(
        base_url=server.url_for(f"/{side}/v1"), api_key="k", max_retries=0, http_client=plain
    ) as client:
        yield client


@dataclass(frozen=True, kw_only=True)
class _Person:
    denied: frozenset[str]

    async def ask(self, question: Question) -> Answer:
        return Deny(reason="no") if question.action.request_id in self.denied else Approve(by="ana")


def _functions(played: Played) -> list[Callable[..., Awaitable[str]]]:
    async def add(a: int, b: int) -> str:
        played.ran("add", {"a": a, "b": b})
        return str(a + b)

    async def note(text: str) -> str:
        played.ran("note", {"text": text})
        return "noted"

    async def fail() -> str:
        played.ran("fail", {})
        raise RuntimeError("broken")

    return [add, note, fail]


def _registered(name: str, played: Played) -> AsyncRegisteredFunction:
    async def execute(arguments: dict[str, object]) -> str:
        played.ran(name, arguments)
        if name == "fail":
            raise RuntimeError("broken")
        return "ok"

    declared: Any = {"type": "function", "name": name, "parameters": FUNCTIONS[name], "strict": False}
    return AsyncRegisteredFunction(declared, execute)


async def _official(
    client: openai.AsyncOpenAI, transcript: Transcript, played: Played, *, stream: bool
) -> None:
    async def approve(request: McpApprovalRequest) -> bool:
        return request.id not in transcript.denied

    runner = AsyncResponsesToolRunner(functions=[_registered(name, played) for name in FUNCTIONS])
    try:
        for _ in range(transcript.turns):
            said = [*played.history, {"type": "message", "role": "user", "content": "Go"}]
            params: Any = {"model": "m", "input": said, "store": False, "tools": TOOLS}
            turns = runner.iterate(client, params, stream=stream, approve_mcp=approve)
            async with aclosing(turns):
                async for turn in turns:
                    _note_accepted(turn.response, played)
    except ToolRunnerError as error:
        played.error = error


def _note_accepted(response: ModelResponse, played: Played) -> None:
    for item in response.output:
        if item.type == "mcp_call":
            name = f"{item.server_label}.{item.name}"
            played.note("accepted", f"{item.approval_request_id or item.id} {name}")
