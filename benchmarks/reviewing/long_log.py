"""A long log, as a busy month would leave it: made by the real writer, always the same but for its times."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit import AuditLog
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record

_TOGETHER: Final = 512
"""Records that wait at once."""
_TOOLS: Final = (
    ("tracker", "list_issues", "reading", "policy_allow"),
    ("tracker", "read_issue", "reading", "policy_allow"),
    ("tracker", "create_issue", "opening-issues", "human_allow"),
    ("mail", "send_mail", "mail-stays-in-the-house", "policy_deny"),
    ("bank", "pay_invoice", "payments", "human_allow"),
    ("bank", "pay_invoice", "payments", "human_deny"),
    ("docs", "search", "reading", "policy_allow"),
    ("shell", "run", "never-a-shell", "policy_deny"),
)
_PEOPLE: Final = ("ada", "grace", "alan", "barbara")
_WORDS: Final = (
    "invoice", "customer", "export", "minutes", "faster", "certificate", "rotate", "Berlin", "order",
    "refund", "Zürich", "shipment", "delay", "contract", "quarter", "draft", "meeting", "budget", "server",
    "backup",
)  # fmt: skip
_LEAST: Final = 700
"""Bytes of an argument: a line is then about as long as those of real work."""


def write_long_log(directory: Path, records: int, *, seed: int = 7, **options: Any) -> None:
    """Write so many records (checkpoints come on top)."""

    async def work() -> None:
        made = islice(_records(random.Random(seed)), records)
        async with AuditLog.open(directory, mask=Mask(), **options) as log:
            while batch := list(islice(made, _TOGETHER)):
                await asyncio.gather(*(log.append(record) for record in batch))

    asyncio.run(work())


def _records(chance: random.Random) -> Iterator[Record]:
    policy = "version: 1\n"
    yield Record(
        type="policy_loaded",
        fields={"policy": "policy.yaml", "policy_hash": sha256(policy.encode()).hexdigest()},
        blobs=(policy,),
    )
    number = 0
    while True:
        number += 1
        yield from _call(chance, number, sha256(policy.encode()).hexdigest())


def _call(chance: random.Random, number: int, policy_hash: str) -> Iterator[Record]:
    label, tool, rule, outcome = chance.choice(_TOOLS)
    about: dict[str, Any] = {
        "run_id": f"run_{number // 20:024x}",
        "conversation_id": f"conv_{number // 50:024x}",
        "response_id": f"resp_{chance.getrandbits(192):048x}",
        "principal": chance.choice(_PEOPLE),
        "request_id": f"mcpr_{number:048x}",
        "server_label": label,
        "tool": tool,
        "attempt": 0,
    }
    text = " ".join(chance.choices(_WORDS, k=chance.randint(90, 140)))
    asked = outcome.startswith("human")
    decision: dict[str, Any] = {
        "server_identity": f"https://{label}.example/mcp",
        "via": "hosted",
        "definition_hash": sha256(tool.encode()).hexdigest(),
        "effect": "ask" if asked else "deny" if outcome.endswith("deny") else "allow",
        "rule_ids": [rule],
        "matches": [{"rule": rule, "effect": "ask", "policy": "policy.yaml", "predicates": []}],
        "policy_hash": policy_hash,
        "outcome": outcome,
        "reason": f"The rule `{rule}` decides on {label}.{tool}.",
        "arguments": {"title": f"number {number}", "body": text[:_LEAST]},
    }
    if asked:
        decision |= {"approver": chance.choice(_PEOPLE), "authenticated": chance.random() < 0.5}
    key = f"{about['conversation_id']}/{about['request_id']}/0"
    yield Record(type="decision", phase="pre", fields=about | decision, decision_key=key, new_key=True)
    if outcome.endswith("deny"):
        return
    yield Record(
        type="intent",
        phase="pre",
        fields=about | {"outcome": "run"},
        decision_key=f"{key}/run",
        new_key=True,
    )
    failed = chance.random() < 0.02
    result: dict[str, Any] = {
        "via": "hosted",
        "status": "failed" if failed else "completed",
        "evidence": "reported_by_provider",
        "result_size": chance.randint(10, 9_000),
        "result_sha256": sha256(text.encode()).hexdigest(),
        "is_error": failed,
        "latency_ms": round(chance.uniform(2, 900), 3),
        "item_id": f"mcp_{number:048x}",
    }
    yield Record(type="outcome", phase="post", fields=about | result)
