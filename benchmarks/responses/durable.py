"""What the disk costs: the one-approval turn with the durable log and with the one in memory, wall time."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.responses import replies
from benchmarks.responses.cases import PROMPT
from benchmarks.responses.governed import make_bridge, secrets
from benchmarks.responses.measure import Variant, alternate
from benchmarks.responses.transport import Canned, make_client
from mcpbridge import AuditLog, MemoryAudit
from mcpbridge.ports import AuditSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """Seconds of wall time per turn, and how many records a turn writes."""

    on_disk: float
    in_memory: float
    records: int


async def durable_audit(directory: Path | None, *, samples: int) -> Durable:
    """Measures on the disk that holds `directory`, or the one for temporary files."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        memory = MemoryAudit(mask=secrets())
        async with AuditLog.open(Path(folder) / "audit", mask=secrets()) as log:
            found = await alternate(
                {"disk": _turns(log), "memory": _turns(memory)}, samples=samples, wall=True
            )
    turns = samples + 1
    records = sum(record["type"] not in _ONCE for record in memory.records) // turns
    return Durable(on_disk=median(found["disk"]), in_memory=median(found["memory"]), records=records)


_ONCE = frozenset({"config_loaded", "policy_loaded", "server_registered"})


def _turns(audit: AuditSink) -> Variant:
    transport = Canned()
    bridge = make_bridge(make_client(transport), servers=True, tools=False, audit=audit)

    async def run() -> object:
        transport.play(replies.APPROVAL_TURN)
        return await bridge.run(PROMPT)

    return run
