"""A provider that judges what it is sent by the service's own rules, executes what is approved, at once, and
remembers all of it. What it answers is planned by the test."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Deny, Outcome
from mcpbridge.ports import CallContext, Json, Record
from mcpbridge.service.errors import ApiError
from mcpbridge.service.items.checks import check_input
from mcpbridge.service.items.reasoning import Binding, Sealer, prefixes
from mcpbridge.service.quirks import Quirks
from mcpbridge.service.request.create import read_request
from mcpbridge.service.wire import Ids
from mcpbridge.testing import MemoryAudit, mcp_call, mcp_list_tools, message
from tests.strictness.transcript import Reply

FUNCTIONS: Final = ("go", "ask", "no")
"""Local functions, by what the policy says of them; `ghost` is called and not declared."""
HOSTED: Final = ("hosted", "hosted_ask", "hosted_no")
INERT: Final = ("think", "new", "say", "list", "seen")
FAULTS: Final = ("break", "429", "500", "incomplete", "silent")
"""`silent`: what was approved is executed and not reported."""
CALLS: Final = (*FUNCTIONS, *HOSTED, *HOSTED, "ghost", "garbled")
"""What is answered."""


@dataclass(kw_only=True)
class World:
    """What really happens, whatever a conversation remembers. Every await is one step of the loop."""

    plan: deque[list[str]] = field(default_factory=deque[list[str]])
    yes: bool = True
    """What the person says."""
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    effects: Counter[str] = field(default_factory=Counter[str])
    permitted: Counter[str] = field(default_factory=Counter[str])
    """How often a person has said that an effect of unknown outcome shall be tried again."""
    approved: set[str] = field(default_factory=set[str])
    """What a person has said yes to."""
    asked: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])
    bodies: list[dict[str, Any]] = field(default_factory=list["dict[str, Any]"])
    problems: list[str] = field(default_factory=list[str])
    sealer: Sealer = field(default_factory=lambda: Sealer(account="k"))
    ids: Ids = field(init=False)

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.ids = Ids(token=lambda size: f"{next(numbers):0{2 * size}x}")

    async def append(self, record: Record) -> int:
        """The audit log, which takes its time."""
        await asyncio.sleep(0)
        seq = await self.audit.append(record)
        await asyncio.sleep(0)
        return seq

    async def ask(self, question: Question) -> Answer:
        """The person."""
        await asyncio.sleep(0)
        return self.answers(question.action.request_id, yes=self.yes)

    def answers(self, request_id: str, *, yes: bool) -> Answer:
        if not yes:
            return Deny(reason="no", by="bo")
        self.approved.add(request_id)
        return Approve(by="bo")

    async def call(self, arguments: Json, context: CallContext) -> str:
        """A local function."""
        self._effect(context.call_id)
        await asyncio.sleep(0)
        return "done"

    def _effect(self, request_id: str) -> None:
        """Something takes effect: once, allowed, and on record before."""
        self.effects[request_id] += 1
        if self.effects[request_id] > 1 + self.permitted[request_id]:
            self.problems.append(f"{request_id} took effect {self.effects[request_id]} times")
        name = self.asked[request_id]["name"]
        if name not in ("go", "hosted") and not (name.endswith("ask") and request_id in self.approved):
            self.problems.append(f"nobody allowed {name} ({request_id})")
        records = [record for record in self.audit.records if record.get("request_id") == request_id]
        allowed = [one for one in records if one["type"] == "decision" and Outcome(one["outcome"]).allowed]
        if not allowed or not any(one["type"] == "intent" for one in records):
            self.problems.append(f"{request_id} took effect before it was on record")

    async def answer(self, request: httpx2.Request) -> httpx2.Response:
        """The service's side of one request."""
        try:
            return await self._answer(request)
        except (AssertionError, LookupError, TypeError) as error:
            self.problems.append(repr(error))  # the client takes it for a connection that broke
            raise

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0)
        raw = request.content
        try:
            parsed = read_request(raw, Quirks())
            inert = {"from_the_future"}
            checked = check_input(parsed, self.sealer, Quirks(), inert=inert, expired=False)
        except ApiError as error:
            self.problems.append(f"a request that the service refuses: {error}")
            return httpx2.Response(400, json=error.payload())
        body = json.loads(raw)
        self.bodies.append(body)
        new = self.plan.popleft() if self.plan else []
        if "429" in new:
            return httpx2.Response(
                429, json={"error": {"message": "slow down"}}, headers={"retry-after": "0"}
            )
        live = [str(approval.request["id"]) for approval in checked.approvals if approval.live]
        for request_id in live:
            self._effect(request_id)
        await asyncio.sleep(0)
        if "break" in new:
            raise httpx2.ReadError("broken", request=request)
        if "500" in new:
            return httpx2.Response(500, json={"error": {"message": "no"}})
        binding = Binding.to("m", prefixes(parsed.items)[-1])
        reply = self._reply([] if "silent" in new else live, new, binding)
        await asyncio.sleep(0)
        return _sent(reply, stream=body.get("stream") is True)

    def _reply(self, executed: list[str], kinds: list[str], binding: Binding) -> Reply:
        """Calls that were executed, then what is planned; a reasoning item binds what follows it."""
        items: list[dict[str, Any]] = [self._executed(self.asked[request_id]) for request_id in executed]
        thought: str | None = None
        for kind in (kind for kind in kinds if kind not in FAULTS):
            item = self._item(kind, thought, binding)
            thought = item["id"] if kind == "think" else None
            items.append(item)
        if not any(kind in CALLS for kind in kinds):
            items.append(message("end", id=self.ids.new("msg", after_reasoning=thought)))
        status = "incomplete" if "incomplete" in kinds else "completed"
        return Reply(items=tuple(items), fields={"status": status, "id": self.ids.new("resp")})

    def _executed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = {"id": self.ids.new("mcp"), "approval_request_id": request["id"]}
        return mcp_call("files", request["name"], request["arguments"], **found)

    def _item(self, kind: str, thought: str | None, binding: Binding) -> dict[str, Any]:
        match kind:
            case "think":
                item_id = self.ids.new("rs")
                sealed = self.sealer.seal("hm", item_id=item_id, binding=binding)
                return {"type": "reasoning", "id": item_id, "summary": [], "encrypted_content": sealed}
            case "new":
                return {"type": "from_the_future", "id": self.ids.new("ff")}
            case "say":
                return message("hm", id=self.ids.new("msg", after_reasoning=thought))
            case "list":
                return mcp_list_tools("files", *HOSTED, id=self.ids.new("mcpl"))
            case "seen":
                item_id = self.ids.new("mcp", after_reasoning=thought)
                return mcp_call("seen", "look", {}, id=item_id, approval_request_id=None)
            case _:
                return self._asking(kind, thought)

    def _asking(self, kind: str, thought: str | None) -> dict[str, Any]:
        """An approval request or a function call."""
        arguments = '{"n": NaN}' if kind == "garbled" else json.dumps({"n": len(self.asked)})
        if kind in HOSTED:
            item_id = self.ids.new("mcpr")
            item = {"type": "mcp_approval_request", "id": item_id, "server_label": "files"}
        else:
            item_id = self.ids.new("call")
            named = self.ids.new("fc", after_reasoning=thought)
            item = {"type": "function_call", "id": named, "call_id": item_id}
        self.asked[item_id] = {**item, "name": "go" if kind == "garbled" else kind, "arguments": arguments}
        return self.asked[item_id]


def _sent(reply: Reply, *, stream: bool) -> httpx2.Response:
    if stream:
        return httpx2.Response(200, content=reply.stream(1), headers={"content-type": "text/event-stream"})
    return httpx2.Response(200, content=reply.whole(1))
