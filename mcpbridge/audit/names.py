"""Names of fields, and how each is treated."""

from __future__ import annotations

from typing import Final

RESERVED: Final = frozenset(
    {
        "prev", "seq", "ts", "type", "phase", "decision_key", "arguments_hmac", "arguments_size", "hmac_key",
        "level", "sealed", "leaf_hmacs", "leaf_hmacs_omitted",
        "blobs", "blobs_bundle", "blobs_masked", "blobs_withheld", "sanitized", "crc",
        "counted", "use", "freed",
    }
)  # fmt: skip
"""Names the log itself writes. A field that uses one gets a `_` after it."""
STRUCTURED: Final = frozenset(
    {
        "run_id", "conversation_id", "response_id", "item_id", "call_id", "request_id", "approval_request_id",
        "trace_id", "span_id", "actor_is_agent", "on_behalf_of", "shown_at", "mode", "counts", "bound",
        "head", "range", "note", "keys", "count", "first_seq", "last_seq", "root", "segments",
        "server_label", "tool", "via", "definition_hash", "outcome", "rule_ids", "predicates",
        "policy_hash", "screen_hash", "principal", "authenticated", "asked_at", "decided_at", "status",
        "evidence", "result_size", "result_sha256", "latency_ms", "is_error", "attempt", "effect", "matches",
        "fingerprint", "edited_from", "scope", "server_identity", "approver", "unknown", "changed", "tools",
    }
)  # fmt: skip
"""Fields with ids, names, hashes and numbers. Nothing is hidden in them but known secrets."""
OWN: Final = STRUCTURED | {"reason", "error"}
"""Names that are never masked."""
KEYED: Final = ("fingerprint", "edited_from")
"""SHA-256 over a call, arguments and all: written as an HMAC, or they would confirm a guess."""
