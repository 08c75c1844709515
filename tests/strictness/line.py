"""An engine whose requests and answers are real bytes, without a network: the whole of ResponsesModel is in
between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx2
import openai
from tenacity import wait_none

from mcpbridge import Retries, ServerDeclaration
from mcpbridge.adapters.hosted_tools import ToolDeclarations, hosted_server
from mcpbridge.adapters.responses import ResponsesModel
from mcpbridge.config.profiles_model import Profile
from mcpbridge.core.declared import Declared
from mcpbridge.core.secret import Mask
from mcpbridge.engine.judge import FixedPolicies, Judge
from mcpbridge.engine.loop import Engine, Limits
from mcpbridge.policy import Policy
from mcpbridge.ports import Approver, AuditSink
from mcpbridge.testing import FixedClock
from tests.engine.scene import Tool
from tests.wire.stack import no_sleep, sources

Answering = Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]

SERVERS: Final = tuple(
    ServerDeclaration(label=label, url=f"https://{label}.test/mcp", observe=label == "seen")
    for label in ("files", "seen")
)
UNASKED: Final = frozenset({"seen"})


@asynccontextmanager
async def connected(answer: Answering) -> AsyncGenerator[openai.AsyncOpenAI]:
    """A client whose requests `answer` gets."""
    transport = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with openai.AsyncOpenAI(
        base_url="http://provider.test/v1", api_key="k", max_retries=0, http_client=transport
    ) as client:
        yield client


def engine(
    client: openai.AsyncOpenAI,
    *,
    policy: Policy,
    tools: Sequence[Tool],
    audit: AuditSink,
    approver: Approver | None,
    stream: bool,
    attempts: int = 1,
    servers: Sequence[ServerDeclaration] = SERVERS,
) -> Engine:
    """Everything real but the transport, the clock and the disk."""
    by_label = {server.label: server for server in servers}
    by_name = {tool.name: tool for tool in tools}
    declarations = ToolDeclarations(
        servers=by_label,
        functions=by_name,
        hosted_tools=(),
        profile=Profile(name="test"),
        sources=sources({}),
        mask=Mask(),
    )
    declared = Declared(
        servers={label: hosted_server(server) for label, server in by_label.items()},
        functions=frozenset(by_name),
        origin="here|m",
    )
    model = ResponsesModel(
        client=client,
        tools=declarations,
        options={"model": "m"},
        stream=stream,
        retries=Retries(attempts=attempts, wait=wait_none(), sleep=no_sleep),
        runs_unasked=declared.runs_unasked,
    )
    return Engine(
        model=model,
        judge=Judge(policies=FixedPolicies(policies=(policy,)), clock=FixedClock(), approver=approver),
        audit=audit,
        declared=declared,
        tools=by_name,
        limits=Limits(max_rounds=12),
    )
