"""A conversation with one broken answer in it, and a watch over what comes of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx2
import openai

from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Deny, Outcome
from mcpbridge.core.strict_json import parse_arguments
from mcpbridge.errors import McpbridgeError, ReplayInvariant
from mcpbridge.ports import CallContext, Json
from mcpbridge.testing import MemoryAudit
from tests.engine.scene import Tool, policy, said
from tests.strictness.accepted import check_accepted
from tests.strictness.broken import SOUND, broken_body, broken_stream, sound
from tests.strictness.line import SERVERS, UNASKED, engine
from tests.strictness.transcript import frames, says, text

RULES: Final = policy(allow="files.read, local.add", ask="files.write")
"""Everything else is denied, and the person says yes to one path."""
PATH: Final = {"path": "a"}
STATUSES: Final = (201, 204, 206, 302, 307, 400, 401, 404, 408, 409, 418, 424, 500, 502, 599)
HEADERS: Final[tuple[dict[str, str], ...]] = (
    {"content-encoding": "gzip"},
    {"content-encoding": "br"},
    {"content-type": "text/html; charset=utf-16"},
    {"content-length": "7"},
    {"location": "http://elsewhere.test/"},
    {"retry-after": "NaN"},
    {"retry-after-ms": "1e999"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One answer, as it goes out."""

    status: int
    headers: dict[str, str]
    data: bytes
    broken: bool


@dataclass(kw_only=True)
class Play:
    """One conversation with one broken answer in it, and what came of it."""

    seed: int
    answers: list[bytes] = field(default_factory=list[bytes])
    stream: bool = False
    ran: Counter[str] = field(default_factory=Counter[str])
    sent: Counter[str] = field(default_factory=Counter[str])
    """Live approvals, by how many requests carried each."""
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    posts: int = 0
    problems: list[str] = field(default_factory=list[str])
    """Assertions that failed where a boundary takes every exception for the provider's or a tool's."""
    rng: Random = field(init=False)
    broken_at: int = field(init=False)
    status: int = field(init=False)
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        number, at = self.rng.randrange(len(SOUND)), self.rng.randrange(3)
        self.stream = self.rng.random() < 0.5
        replies = [sound(number, reply) for reply in range(3)]
        self.answers = [self._written(reply) for reply in replies]
        broken = broken_stream if self.stream else broken_body
        if self.rng.random() < 0.5:  # the sound answer comes behind the broken one: what a retry would get
            self.answers.insert(at, b"")
        self.answers[at] = broken(self.rng, sound(number, at))
        self.broken_at = at + 1
        self.status = self.rng.choice(STATUSES) if self.rng.random() < 0.1 else 200
        self.headers = self.rng.choice(HEADERS) if self.rng.random() < 0.1 else {}

    def _written(self, body: dict[str, Any]) -> bytes:
        if not self.stream:
            return json.dumps(body).encode()
        return frames([{"type": "response.completed", "response": body}])

    def next(self, body: bytes) -> Sent:
        """The next answer, after a look at what was sent."""
        with self.noticing():
            self._look_at(json.loads(body)["input"])
        self.posts += 1
        if self.posts > len(self.answers):
            data = self._written(says(text(id=f"msg_over_{self.posts}")).body(self.posts))
        else:
            data = self.answers[self.posts - 1]
        kind = "text/event-stream" if self.stream else "application/json"
        broken = self.posts == self.broken_at
        headers = {"content-type": kind, **(self.headers if broken else {})}
        return Sent(status=self.status if broken else 200, headers=headers, data=data, broken=broken)

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        """The same without a network."""
        sent = self.next(request.content)
        return httpx2.Response(sent.status, content=self._in_pieces(sent.data), headers=sent.headers)

    async def _in_pieces(self, data: bytes) -> AsyncGenerator[bytes]:
        size = self.rng.choice((7, 100, 4_096)) if len(data) < 20_000 else 65_536
        for start in range(0, len(data), size):
            yield data[start : start + size]

    @contextmanager
    def noticing(self) -> Generator[None]:
        """Remembers what fails, also where somebody above takes every exception for another's."""
        try:
            yield
        except Exception as error:
            self.problems.append(repr(error))
            raise

    def _look_at(self, items: list[dict[str, Any]]) -> None:
        """Every approval is of a request that is there, that a rule or the person allowed, and sent once;
        every question has one answer."""
        requests = {item["id"]: item for item in items if item["type"] == "mcp_approval_request"}
        answers = [item for item in items if item["type"] == "mcp_approval_response"]
        executed = {item.get("approval_request_id") for item in items if item["type"] == "mcp_call"}
        assert sorted(requests) == sorted(item["approval_request_id"] for item in answers)
        calls = [item["call_id"] for item in items if item["type"] == "function_call"]
        outputs = [item["call_id"] for item in items if item["type"] == "function_call_output"]
        assert len(set(calls)) == len(calls)
        assert sorted(calls) == sorted(outputs)
        for answer in answers:
            if answer["approve"] is not False and answer["approval_request_id"] not in executed:
                self._approved(requests[answer["approval_request_id"]])

    def _approved(self, request: dict[str, Any]) -> None:
        assert request["server_label"] == "files"
        arguments = parse_arguments(request["arguments"])
        assert request["name"] == "read" or (request["name"] == "write" and arguments == PATH)
        self._on_record(request["id"])
        self.sent[request["id"]] += 1

    def _on_record(self, request_id: str) -> None:
        found = [record for record in self.audit.records if record.get("request_id") == request_id]
        assert any(one["type"] == "decision" and Outcome(one["outcome"]).allowed for one in found)
        assert any(one["type"] == "intent" for one in found)

    async def ask(self, question: Question) -> Answer:
        action = question.action
        yes = action.name == "files.write" and action.arguments == PATH
        return Approve(by="ana") if yes else Deny(by="ana", reason="no")

    async def call(self, arguments: Json, context: CallContext) -> str:
        with self.noticing():
            self._on_record(context.call_id)
        self.ran[context.call_id] += 1
        return "3"

    async def refuse(self, arguments: Json, context: CallContext) -> str:
        self.problems.append(f"{context.call_id}, which is denied, ran")
        return ""


async def played(play: Play, client: openai.AsyncOpenAI) -> str:
    """How it ended: `answered`, or the name of the error."""
    made = engine(
        client,
        policy=RULES,
        tools=[Tool(name="add", body=play.call), Tool(name="no", body=play.refuse)],
        audit=play.audit,
        approver=play,
        stream=play.stream,
        attempts=2,
        servers=SERVERS[: 1 + play.seed % 2],
    )
    turn = made.turn(said(mcp_results="native" if play.seed % 3 else "function_pair"))
    try:
        async for _ in turn.advance():
            pass
    except McpbridgeError as error:
        ended = error
    else:
        return "answered"
    finally:
        with play.noticing():
            check_accepted(turn.conversation, unasked=UNASKED)
    assert not isinstance(ended, ReplayInvariant)
    assert ended.conversation is turn.conversation
    return type(ended).__name__


def check_end(play: Play) -> None:
    """Nothing wrong, nothing twice."""
    assert play.problems == []
    assert max((*play.ran.values(), *play.sent.values()), default=0) <= 1
