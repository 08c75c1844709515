"""aiauditlog: the whole file is read again for each record; `fsync=True` makes each durable."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from ai_audit_log import AuditRecorder, ChainVerifier, EventBuilder, JsonlStore, Outcome, Source
from ai_audit_log.models import Actor

task = json.load(sys.stdin)
store = JsonlStore(Path(task["folder"]) / "events.jsonl", fsync=True)
builder = EventBuilder(source=Source(service="bench"), actor=Actor(actor_id="bench", actor_type="agent"))
recorder = AuditRecorder(builder=builder, store=store)
outcome = Outcome(status="success", code="policy_allow")
begun = time.perf_counter()
for record in task["records"]:
    recorder.record(event_type="data.written", outcome=outcome, data=record)
seconds = time.perf_counter() - begun
events = store.read_all()
right = len(events) == len(task["records"]) and not ChainVerifier().verify(events).issues
print(json.dumps({"per_second": len(task["records"]) / seconds, "right": right}))
