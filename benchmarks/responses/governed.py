"""Our side: a Bridge with rules, a person (a callback that says yes) and the audit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import openai

from benchmarks.responses.local_functions import TOOLS
from mcpbridge import (
    Approve,
    Bridge,
    CallbackApprover,
    MemoryAudit,
    Question,
    Secret,
    SecretSources,
    load_config,
)
from mcpbridge.config import Configuration
from mcpbridge.core.secret import Mask
from mcpbridge.ports import AuditSink

SOURCES = SecretSources(
    env={"BENCH_KEY": "sk-benchmark-key-0001", "BENCH_TOKEN": "tracker-token-0001"},
    read_file=lambda path: "",
    keyring=lambda service, user: None,
)


def secrets() -> Mask:
    """What the audit masks: a bridge that opens its own log gives it the credentials it has resolved."""
    return Mask(Secret(value) for value in SOURCES.env.values())


async def _yes(question: Question) -> Approve:
    return Approve(by="benchmark")


def configuration(*, servers: bool) -> Configuration:
    """The benchmark's configuration, with its hosted server or without."""
    found = load_config(Path(__file__).parent / "mcpbridge.yaml", sources=SOURCES)
    return found if servers else replace(found, servers=())


def make_bridge(
    client: openai.AsyncOpenAI, *, servers: bool, tools: bool, audit: AuditSink | None = None
) -> Bridge:
    """A bridge over `client`; its audit is in memory unless one is given."""
    chosen: list[Any] = TOOLS if tools else []
    return Bridge.from_yaml(
        configuration(servers=servers),
        tools=chosen,
        approver=CallbackApprover(_yes),
        client=client,
        audit=audit if audit is not None else MemoryAudit(mask=secrets()),
        sources=SOURCES,
        state_key=b"benchmark" * 4,
    )
