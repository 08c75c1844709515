"""Records to export: ordinary ones, and ones whose every value was chosen by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from hypothesis import strategies as st

from mcpbridge.audit import read
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record
from tests.audit_report.made import Asked, decision, note, write

SECRET = "canary-secret-9a7c31"

FORMULA = '=HYPERLINK("https://evil.example","pay")'
ORDINARY: tuple[Record, ...] = (
    note("config_loaded", file="mcpbridge.yaml"),
    note("server_registered", server_label="tracker", server_identity="https://tracker.example:8443/mcp"),
    decision("policy_deny", tool="send", rule_ids=["no-mail"], policy_hash="a" * 64, reason="not for agents"),
    decision(
        "human_allow", approver="ada",
        trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203331",
        asked_at="2026-11-20T12:00:00+00:00", decided_at="2026-11-20T12:00:09+00:00",
        arguments={"title": FORMULA, "n": 10**30, "deep": [{"a": [1, 2.5, None, True]}]},
    ),
    note(
        "outcome", request_id="mcpr_1", server_label="tracker", tool="open", status="failed", is_error=True,
        evidence="executed_here", latency_ms=12.345, result_size=5, result_sha256="b" * 64, error="Failed",
    ),
    note("outcome", server_label="web", tool="get", status="completed", evidence="observed"),
    note("outcome_unknown", request_id="mcpr_2", status="unknown", reason="no answer came"),
    note("tripwire", reason="a call that nobody approved", reported_calls=[{"id": "x"}]),
    note("ungated", kind="web_search_call", evidence="observed"),
    note("arguments_edited", tool="open", arguments={"title": "y"}),
)  # fmt: skip

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
_NAMES = (
    "ts", "type", "phase", "outcome", "status", "evidence", "effect", "server_label", "server_identity",
    "tool", "principal", "approver", "authenticated", "reason", "error", "rule_ids", "policy_hash",
    "latency_ms", "result_size", "is_error", "conversation_id", "request_id", "trace_id", "span_id",
    "arguments", "asked_at", "other", "further",
)  # fmt: skip
strange = st.dictionaries(st.sampled_from(_NAMES), anything).map(
    lambda fields: {"prev": "0" * 64, "seq": 1, **fields}
)
"""Records in which nothing is as it should be: a log that somebody else wrote."""


def log(folder: Path, *, mask: Mask | None = None) -> Path:
    return write(folder, [*ORDINARY, *Asked("ada").then(yes=True, after=3).steps], mask=mask)


def exported(writer: Callable[[Any, BinaryIO], int], records: Any) -> bytes:
    file = BytesIO()
    writer(records, file)
    return file.getvalue()


def of(folder: Path) -> list[dict[str, Any]]:
    return list(read(log(folder)))
