"""Every type of record: which fields it has for certain, and which it may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mcpbridge.audit.records import RecordType


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of one type of record, besides those of every line."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    phase: str | None = None
    """Always this one; None: it has none, or either."""


EVERY_LINE: Final = ("prev", "seq", "ts", "type", "crc")
MAY_BE_ON_ANY: Final = (
    "phase", "sanitized", "decision_key", "counted", "use", "freed", "trace_id", "span_id",
    "blobs", "blobs_bundle", "blobs_masked", "blobs_withheld",
)  # fmt: skip
_RUN: Final = ("run_id", "conversation_id", "response_id", "principal")
_IDS: Final = ("request_id", "approval_request_id", "call_id")
_CALL: Final = (
    "server_label", "server_identity", "tool", "via", "definition_hash",
)  # fmt: skip
_KEPT: Final = (
    "arguments", "arguments_hmac", "arguments_size", "hmac_key", "level", "leaf_hmacs", "leaf_hmacs_omitted",
    "sealed", "edited_from",
)  # fmt: skip
_PERSON: Final = ("approver", "authenticated", "reason")
_RULING: Final = ("effect", "rule_ids", "matches", "policy_hash", "definition_changes", "shadow")
_GRANT: Final = ("grant_id", "bound", "expires", "uses", "used")
_SERVER: Final = ("server_identity", "headers", "allowed_tools", "observe", "declared_at")
_ELICITED: Final = ("server_label", "server_identity", "tool", "screen_hash")
_LISTED: Final = ("error", "via", "epoch", "protocol", "server", "left_out", "refused", "offered")
_READ: Final = ("principal", "request_id", "server_label", "server_identity", "tool", "method")
_TOOLS: Final = (
    "run_id",
    "conversation_id",
    "response_id",
    "server_label",
    "server_identity",
    "tools",
    "changed",
)


def _form(
    *required: str | tuple[str, ...], may: tuple[str | tuple[str, ...], ...] = (), phase: str | None = None
) -> Form:
    return Form(required=_flat(required), optional=_flat(may), phase=phase)


def _flat(names: tuple[str | tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(name for one in names for name in ((one,) if isinstance(one, str) else one))


FORMS: Final[Mapping[RecordType, Form]] = {
    RecordType.RUN_STARTED: _form(_RUN, "restored", "turn"),
    RecordType.RUN_FINISHED: _form(_RUN, "status", may=("error", "unknown")),
    RecordType.CONFIG_LOADED: _form(
        "file", "model", "endpoint", "profile", "approvals_honoured", "accept_ungated", "functions",
        may=("audit",),
    ),
    RecordType.POLICY_LOADED: _form("policy", "policy_hash", "shadow", may=("pins_hash",)),
    RecordType.POLICY_RELOADED: _form(_RUN, "before", "after", "policies"),
    RecordType.POLICY_RELOAD_FAILED: _form(_RUN, "before", "after", "policies", "reason"),
    RecordType.FROZEN: _form(_PERSON),
    RecordType.THAWED: _form(_PERSON),
    RecordType.SERVER_REGISTERED: _form("server_label", _SERVER, may=("via", "variables")),
    RecordType.SERVER_REMOVED: _form("server_label", _SERVER, may=("via", "variables")),
    RecordType.SERVER_SILENT: _form(_RUN, "server_label"),
    RecordType.TOOLS_LISTED: _form(_TOOLS, may=(_LISTED,)),
    RecordType.TOOLS_CHANGED: _form(_TOOLS, may=(_LISTED,)),
    RecordType.UNGATED: _form(_RUN, "item_id", "kind", "evidence"),
    RecordType.QUESTION_ASKED: _form(
        _RUN, "request_id", _CALL, "rule_ids", "screen_hash", "fingerprint",
        may=(_IDS, _KEPT, "needs", "may_answer"), phase="pre",
    ),
    RecordType.ELICITATION_ASKED: _form(
        _RUN, "request_id", _ELICITED, "elicitation", may=(_IDS, _KEPT), phase="pre"
    ),
    RecordType.ELICITATION_ANSWERED: _form(
        _RUN, "request_id", _ELICITED, "answer", "reason",
        may=(_IDS, _KEPT, "approver", "authenticated"), phase="pre",
    ),
    RecordType.SAMPLING_ASKED: _form(
        _RUN, "request_id", _ELICITED, "stage", may=(_IDS, _KEPT), phase="pre"
    ),
    RecordType.SAMPLING_DECIDED: _form(
        _RUN, "request_id", _ELICITED, "answer", "reason", may=("approver", "authenticated"), phase="pre"
    ),
    RecordType.SAMPLING_ANSWERED: _form(
        _RUN, "request_id", _ELICITED, "answer", "reason", "model",
        may=("approver", "authenticated", "result_size", "result_sha256", "result", "level", "sealed"),
        phase="pre",
    ),
    RecordType.ROOTS_ASKED: _form(
        "server_label", "server_identity", "method", "roots", may=(_RUN, "request_id", "tool")
    ),
    RecordType.SERVER_REQUEST_REFUSED: _form(
        "server_label", "server_identity", "method", "reason", may=(_RUN, "request_id", "tool")
    ),
    RecordType.READ_ASKED: _form(_READ, may=(_KEPT,), phase="pre"),
    RecordType.READ_ANSWERED: _form(
        _READ, "status", "is_error", "latency_ms",
        may=("result_size", "result_sha256", "result", "error", "level", "sealed"), phase="post",
    ),
    RecordType.SERVER_UNAVAILABLE: _form(_RUN, "server_label", "error", "reason"),
    RecordType.ARGUMENTS_EDITED: _form(
        _RUN, "request_id", _CALL, "fingerprint", "approver", may=(_IDS, _KEPT), phase="pre"
    ),
    RecordType.APPROVAL_GIVEN: _form(
        _RUN, "request_id", _CALL, "screen_hash", "approver", "authenticated", "counts", "reason",
        may=(_IDS, _KEPT),
    ),
    RecordType.DECISION: _form(
        _RUN, "request_id", _CALL, "outcome", "effect", "rule_ids", "matches", "policy_hash", "reason",
        "actor_is_agent", "on_behalf_of", "attempt", "asked_at", "decided_at",
        may=(_IDS, _KEPT, _RULING, _PERSON, "screen_hash", "mode", "shown_at"), phase="pre",
    ),
    RecordType.INTENT: _form(
        _RUN, "request_id", "server_label", "tool", "attempt", "outcome", may=(_IDS,), phase="pre"
    ),
    RecordType.OUTCOME: _form(
        _RUN, "request_id", "server_label", "tool", "via", "status", "evidence", "result_size",
        "result_sha256", "is_error",
        may=(
            _IDS, "item_id", "latency_ms", "error", "error_kind", "truncated", "full_size", "result", "level",
            "sealed", "epoch",
        ),
        phase="post",
    ),
    RecordType.OUTCOME_UNKNOWN: _form(
        _RUN, "request_id", "status", "reason", may=("server_label", "tool", "epoch")
    ),
    RecordType.GRANT_MADE: _form(
        _RUN, "request_id", _CALL, "fingerprint", "scope", _GRANT, may=(_IDS, _KEPT)
    ),
    RecordType.GRANT_USED: _form(_RUN, "request_id", "granted_for", _GRANT),
    RecordType.GRANT_REFUSED: _form(
        _RUN, "request_id", "server_label", "tool", "reason", may=("granted_for", _GRANT)
    ),
    RecordType.GRANT_WITHDRAWN: _form(
        "conversation_id", "principal", "request_id", "fingerprint", "approver", "authenticated", phase="pre"
    ),
    RecordType.RETRY: _form(_RUN, "attempt", "reason", may=("attempts", "wait_s")),
    RecordType.CAPABILITY_FALLBACK: _form("capability", "reason", may=(_RUN, "server_label")),
    RecordType.REASONING_DROPPED: _form(_RUN, "count", "reason"),
    RecordType.INPUT_TRANSFORMED: _form(_RUN, "transformations"),
    RecordType.TRIPWIRE: _form(
        _RUN, "error", "reason", "item_id", "server_label", "reported_calls", "evidence"
    ),
    RecordType.RECOVERY: _form(
        may=(
            _RUN, _IDS, _PERSON, "server_label", "tool", "attempt", "outcome", "removed_bytes",
            "removed_sha256",
        ),
    ),
    RecordType.RESULTS_KEPT: _form("tools"),
    RecordType.CHECKPOINT: _form("note", "range"),
    RecordType.ANCHOR_FAILED: _form("anchor", "reason"),
    RecordType.ANCHOR_RESTORED: _form("anchor"),
    RecordType.KEY_ROTATED: _form("kind", "old", "new", may=("voucher", _PERSON)),
    RecordType.REVIEW_SIGNOFF: _form(
        "reviewer", "authenticated", "first_seq", "last_seq", "root",
        may=("decisions", "denied", "findings", "status", "reason"),
    ),
    RecordType.ERASED: _form("selector", "count", may=("keys", "of", _PERSON)),
    RecordType.HOLD_ADDED: _form("hold", _PERSON, phase="pre"),
    RecordType.HOLD_RELEASED: _form("hold", _PERSON, phase="pre"),
    RecordType.RETENTION_APPLIED: _form(
        "last_seq", may=("segments", "head", "range", "before", "archived", "of", "files", _PERSON)
    ),
}  # fmt: skip
