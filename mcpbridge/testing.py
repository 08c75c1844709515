"""For your tests: a scripted model, bridged servers that are not there, builders of wire items, assertions.

No network, no key, no disk:

    from mcpbridge.testing import MemoryAudit, ScriptedModel, assert_denied, message, response, …

    async def test_nothing_is_deleted() -> None:
        model = ScriptedModel([
            response(approval_request("files", "delete", {"path": "/"})),
            response(message("Then I will not.")),
        ])
        audit = MemoryAudit()
        async with Bridge.from_yaml("mcpbridge.yaml", model=model, audit=audit) as bridge:
            result = await bridge.run("Tidy up")
        assert_denied(result, "files.delete", outcome="policy_deny")
        assert model.answers("mcpr_delete") == [False]

As a pytest fixture:

    @pytest.fixture
    def audit() -> MemoryAudit:
        return MemoryAudit(clock=FixedClock())
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, cast

from mcpbridge.audit import MemoryAudit
from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.decisions import Decided
from mcpbridge.core.raw import mapping
from mcpbridge.core.ruling import Outcome
from mcpbridge.errors import ServerError, ToolsChanged
from mcpbridge.ports import (
    CallObserver,
    Listing,
    ModelNotice,
    ModelOutput,
    ModelResponse,
    StreamEvent,
    ToolAnswer,
)

if TYPE_CHECKING:
    from mcpbridge.bridge.result import Result
    from mcpbridge.core.request import ModelRequest

Body = dict[str, Any]
"""A wire item or a response body, as parsed JSON."""

Reply = Mapping[str, Any] | StreamEvent | ModelNotice | BaseException
"""A response body to give, an event to pass on before it, or an exception to raise."""

Step = Reply | Sequence[Reply] | Callable[[list[Body]], "Reply | Sequence[Reply]"]
"""What the model does when it is asked: one reply, several in order, or a function of the request's
input items that says which."""


class ScriptedModel:
    """A model that says what it was told to, one step for each request. Implements `Model`.

    Ids that the script leaves out are numbered: the second item of the first response is `msg_1_2`.
    Being asked more often than scripted is an AssertionError.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = list(steps)
        self.requests: list[list[Body]] = []
        """The input items of each request, decoded."""
        self.raw_requests: list[ModelRequest] = []
        """The same, as the engine made them."""

    @property
    def remaining(self) -> int:
        """Steps not yet taken."""
        return len(self._steps) - len(self.requests)

    def answers(self, request_id: str) -> list[bool]:
        """What the last request said about an approval request: `[True]`, `[False]`, or nothing at all."""
        items = self.requests[-1] if self.requests else []
        return [item["approve"] for item in items if item.get("approval_request_id") == request_id]

    async def respond(self, request: ModelRequest) -> AsyncGenerator[ModelOutput, None]:
        """The next step of the script."""
        items = [json.loads(chunk) for chunk in request.encoded_items]
        number = len(self.requests)
        self.requests.append(items)
        self.raw_requests.append(request)
        if number >= len(self._steps):
            raise AssertionError(
                f"the script has {len(self._steps)} steps, and the model was asked once more"
            )
        step = self._steps[number]
        for reply in _replies(step(items) if callable(step) else step):
            if isinstance(reply, BaseException):
                raise reply
            if isinstance(reply, StreamEvent | ModelNotice):
                yield reply
            else:
                yield ModelResponse(body=numbered(reply, number + 1))


def _replies(step: Reply | Sequence[Reply]) -> Sequence[Reply]:
    return step if isinstance(step, Sequence) else [step]


Answered = str | Sequence[Body] | ToolAnswer | BaseException
"""What a tool of a FakeToolbox answers (text, content parts, more about them), or an exception to raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call that reached a FakeToolbox."""

    tool: str
    arguments: Mapping[str, Any]
    meta: Mapping[str, Any]


class FakeToolbox:
    """A bridged server that is not there. Implements `Toolbox`; pass it as `toolboxes={label: …}`.

    `answers` holds what each tool answers: a value, or a function of the arguments (synchronous or not).
    `offer` changes the definitions, as a server does between two turns; assign `failure` to make the server
    unavailable.
    """

    def __init__(
        self,
        *tools: str | ToolDefinition,
        answers: Mapping[str, Answered | Callable[..., Any]] | None = None,
        label: str = "fake",
    ) -> None:
        self.label = label
        self.identity = f"fake:{label}"
        self.answers = dict(answers or {})
        self.failure: ServerError | None = None
        self.calls: list[Called] = []
        """Every call that was sent, in order."""
        self.observers: list[CallObserver | None] = []
        """Who followed each call."""
        self.listings: list[bool] = []
        """Every look at the tools, and whether it had to be fresh."""
        self.closed = 0
        self._listing = Listing(tools=(), epoch=0, protocol="2026-07-28")
        self.offer(*tools)

    def offer(self, *tools: str | ToolDefinition) -> None:
        """From now on the server lists these tools: names, or whole definitions."""
        listed = tuple(ToolDefinition(name=one) if isinstance(one, str) else one for one in tools)
        self._listing = replace(self._listing, tools=listed, epoch=self._listing.epoch + 1)

    async def tools(self, *, fresh: bool = False) -> Listing:
        """The listing of the moment."""
        self.listings.append(fresh)
        if self.failure is not None:
            raise self.failure
        return self._listing

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        epoch: int,
        meta: Mapping[str, Any],
        seconds: float | None,
        observer: CallObserver | None = None,
    ) -> ToolAnswer:
        """What `answers` says."""
        if self.failure is not None:
            raise self.failure
        if epoch != self._listing.epoch:
            raise ToolsChanged(f"{self.label}: its tools were listed anew", server_label=self.label)
        self.calls.append(Called(tool=name, arguments=dict(arguments), meta=dict(meta)))
        self.observers.append(observer)
        found = self.answers.get(name, "done")
        if callable(found):
            found = found(arguments)
            found = await found if isawaitable(found) else found
        if isinstance(found, BaseException):
            raise found
        return (
            found if isinstance(found, ToolAnswer) else ToolAnswer(parts=cast("str | Sequence[Body]", found))
        )

    async def close(self) -> None:
        """Counted; it can be used again."""
        self.closed += 1


class FixedClock:
    """A clock that stands still, with ids that count up: `conv_1`, `run_1`, `run_2`, … Implements `Clock`."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = now
        self._counts: dict[str, int] = {}

    def now(self) -> datetime:
        return self._now

    def new_id(self, prefix: str) -> str:
        self._counts[prefix] = self._counts.get(prefix, 0) + 1
        return f"{prefix}_{self._counts[prefix]}"


def response(*items: Mapping[str, Any], status: str = "completed", **fields: Any) -> Body:
    """A response body around output items: `response(message("Hello"))`."""
    return {"object": "response", "status": status, "output": [dict(item) for item in items], **fields}


def message(text: str, **fields: Any) -> Body:
    """An assistant's message: `message("Hello")`."""
    content: list[Body] = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"type": "message", "role": "assistant", "status": "completed", "content": content, **fields}


def reasoning(encrypted_content: str | None = "gAAA", **fields: Any) -> Body:
    """A reasoning item; None leaves out the ciphertext without which it cannot be replayed."""
    item: Body = {"type": "reasoning", "summary": [], **fields}
    return item if encrypted_content is None else {**item, "encrypted_content": encrypted_content}


def approval_request(
    server_label: str, tool: str, arguments: Mapping[str, Any] | str | None = None, **fields: Any
) -> Body:
    """The provider asks whether it may call a hosted tool. Its id is `mcpr_<tool>` unless you give one."""
    return {
        "type": "mcp_approval_request",
        "id": f"mcpr_{tool}",
        "server_label": server_label,
        "name": tool,
        "arguments": _text(arguments),
        **fields,
    }


def mcp_call(
    server_label: str,
    tool: str,
    arguments: Mapping[str, Any] | str | None = None,
    *,
    output: str | None = "",
    **fields: Any,
) -> Body:
    """The provider has called a hosted tool, under the approval `mcpr_<tool>` unless you name another."""
    return {
        "type": "mcp_call",
        "server_label": server_label,
        "name": tool,
        "arguments": _text(arguments),
        "output": output,
        "error": None,
        "approval_request_id": f"mcpr_{tool}",
        **fields,
    }


def mcp_list_tools(server_label: str, *tools: str | Mapping[str, Any], **fields: Any) -> Body:
    """The provider has listed a server's tools: names, or whole definitions."""
    listed = [_definition(tool) for tool in tools]
    return {"type": "mcp_list_tools", "server_label": server_label, "tools": listed, **fields}


def _definition(tool: str | Mapping[str, Any]) -> Body:
    return {"name": tool, "input_schema": {}} if isinstance(tool, str) else dict(tool)


def function_call(name: str, arguments: Mapping[str, Any] | str | None = None, **fields: Any) -> Body:
    """The model calls a local function. The `call_id` is `call_<name>` unless you give one."""
    return {
        "type": "function_call",
        "call_id": f"call_{name}",
        "name": name,
        "arguments": _text(arguments),
        **fields,
    }


_PREFIXES: Final[Mapping[str, str]] = {
    "message": "msg",
    "reasoning": "rs",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "function_call": "fc",
}


def numbered(body: Mapping[str, Any], number: int) -> Body:
    """`body` as the `number`-th response of a conversation: missing ids are filled in."""
    output: Any = body.get("output")
    if not isinstance(output, list):
        return dict(body)
    items = [_named(item, f"{number}_{place}") for place, item in enumerate(cast("list[object]", output), 1)]
    return {"id": f"resp_{number}", **body, "output": items}


def _named(item: object, number: str) -> object:
    fields = mapping(item)
    prefix = _PREFIXES.get(str(fields.get("type")))
    return item if prefix is None else {"id": f"{prefix}_{number}", **fields}


def assert_denied(
    where: Result | Conversation, name: str, *, outcome: Outcome | str | None = None
) -> Decided:
    """The last decision on `label.tool` kept it from running; returns that decision.

    `outcome` says how: `policy_deny`, `human_deny`, `timeout`, `no_approver`, …
    """
    decided = _decision(where, name)
    assert not Outcome(decided.outcome).allowed, f"{name} was allowed ({decided.outcome})"
    _check_outcome(decided, name, outcome)
    return decided


def assert_allowed(
    where: Result | Conversation, name: str, *, outcome: Outcome | str | None = None
) -> Decided:
    """The last decision on `label.tool` let it run; returns that decision."""
    decided = _decision(where, name)
    assert Outcome(decided.outcome).allowed, f"{name} was denied ({decided.outcome}): {decided.reason}"
    _check_outcome(decided, name, outcome)
    return decided


def _decision(where: Result | Conversation, name: str) -> Decided:
    conversation = where if isinstance(where, Conversation) else where.conversation
    names = [f"{one.server_label}.{one.tool}" for one in conversation.decisions]
    assert name in names, f"nothing was decided about {name}; decided: {', '.join(names) or 'nothing'}"
    return next(one for one in reversed(conversation.decisions) if f"{one.server_label}.{one.tool}" == name)


def _check_outcome(decided: Decided, name: str, outcome: Outcome | str | None) -> None:
    assert outcome is None or decided.outcome == outcome, (
        f"{name} was decided as {decided.outcome}, not {outcome}"
    )


def _text(arguments: Mapping[str, Any] | str | None) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {})


__all__ = [
    "Called",
    "FakeToolbox",
    "FixedClock",
    "MemoryAudit",
    "ScriptedModel",
    "approval_request",
    "assert_allowed",
    "assert_denied",
    "function_call",
    "mcp_call",
    "mcp_list_tools",
    "message",
    "numbered",
    "reasoning",
    "response",
]
