"""Microsoft's Agent Governance Toolkit: a Merkle chain in memory, a signed file; nothing is synced."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from agentmesh.governance.audit import AuditLog
from agentmesh.governance.audit_backends import FileAuditSink

task = json.load(sys.stdin)
sink = FileAuditSink(Path(task["folder"]) / "audit.jsonl", secret_key=b"k" * 32)
log = AuditLog(sink=sink)
begun = time.perf_counter()
for record in task["records"]:
    log.log(event_type="tool_call", agent_did="did:mesh:bench", action=record["tool"], data=record)
seconds = time.perf_counter() - begun
right = log.verify_integrity()[0] and len(sink.read_entries()) == len(task["records"])
sink.close()
print(json.dumps({"per_second": len(task["records"]) / seconds, "right": right}))
