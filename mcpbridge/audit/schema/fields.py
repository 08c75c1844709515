"""Every field that a record can have. A name means the same in every type of record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from mcpbridge.audit.levels import Level
from mcpbridge.audit.records import Evidence
from mcpbridge.audit.schema.shapes import (
    ANY,
    COUNT,
    FLAG,
    HMAC,
    KEY_ID,
    NAME,
    NUMBER,
    OMITTED,
    SHA256,
    TEXT,
    TIME,
    Shape,
    choice,
    listed,
    mapping,
    members,
    nullable,
)
from mcpbridge.core.action import Via
from mcpbridge.core.ruling import Effect, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a field holds."""

    shape: Shape
    meaning: str
    unit: str = ""


def _field(shape: Shape, meaning: str, unit: str = "") -> Field:
    return Field(shape=shape, meaning=meaning, unit=unit)


_EFFECT: Final = choice(effect.value for effect in Effect)
_MATCH: Final = members(
    {"rule": NAME, "effect": _EFFECT, "policy": NAME, "predicates": listed(NAME), "undecided": FLAG},
    required=("rule", "effect"),
)
_SHADOW: Final = members(
    {
        "effect": _EFFECT,
        "rule_ids": listed(NAME),
        "matches": listed(_MATCH),
        "policy_hash": NAME,
        "outcome": nullable(NAME),
        "reason": TEXT,
        "definition_changes": listed(TEXT),
    }
)
_REPORTED_CALL: Final = members({name: ANY for name in ("id", "server_label", "name", "approval_request_id")})
_SEGMENT: Final = members(
    {
        "file": NAME,
        "size": COUNT,
        "sha256": SHA256,
        "first_seq": COUNT,
        "last_seq": COUNT,
        "last_ts": TIME,
    },
    required=("file", "sha256", "first_seq", "last_seq"),
)
_KEPT: Final = members(
    {
        "levels": mapping(choice(level.value for level in Level)),
        "full": FLAG,
        "secrets": listed(members({"tool": NAME, "fields": listed(NAME)})),
        "recipients": listed(NAME),
        "retention_s": nullable(NUMBER),
        "anchors": listed(NAME),
    }
)

FIELDS: Final[Mapping[str, Field]] = {
    # The line itself.
    "prev": _field(
        SHA256, "SHA-256 of a zero byte and the line before: the chain, and the RFC 6962 leaf hash."
    ),
    "seq": _field({"type": "integer", "minimum": 1}, "The line's number in the log, from 1."),
    "ts": _field(TIME, "When the line was made. UTC, microseconds, always the same width."),
    "type": _field(NAME, "What the line is about: its stable code."),
    "phase": _field(choice(("pre", "post")), "pre: durable before it takes effect. post: it has happened."),
    "crc": _field(KEY_ID, "CRC-32 of the line before this member: finds a damaged line, no protection."),
    "sanitized": _field({"const": True}, "Something had to be written in a safe form, or was lost."),
    "level": _field(
        choice(level.value for level in Level if level is not Level.ARGUMENTS),
        "How much is kept of the call; without it: arguments.",
    ),
    "blobs": _field(
        listed(SHA256), "Texts in blobs/ that belong to the record, by the SHA-256 of their bytes."
    ),
    "blobs_bundle": _field(SHA256, "One more, `.list`: a JSON list of texts, where there were many."),
    "blobs_masked": _field(
        mapping(SHA256), "Texts stored without what is hidden: name given (HMAC) → name of what is stored."
    ),
    "blobs_withheld": _field(listed(HMAC), "Texts that may not be stored, by the HMAC of their SHA-256."),
    "decision_key": _field(NAME, "Names one attempt; at most one record of the log has a given key."),
    "counted": _field(listed(SHA256), "Limits that the record uses up, by the keys they are counted under."),
    "use": _field(
        {"type": "string", "pattern": "^([0-9a-f]{64}|grant_[0-9a-zA-Z_-]+)$"},
        "By which request it is used up, or which grant ends.",
    ),
    "freed": _field(SHA256, "The latest use by this request had no effect, and does not count any more."),
    # Who and where.
    "run_id": _field(NAME, "One advance of one conversation, run_…"),
    "conversation_id": _field(NAME, "The conversation, conv_…"),
    "response_id": _field(nullable(NAME), "The latest response of the provider, resp_…"),
    "trace_id": _field({"type": "string", "pattern": "^[0-9a-f]{32}$"}, "OpenTelemetry trace of the run."),
    "span_id": _field(
        {"type": "string", "pattern": "^[0-9a-f]{16}$"}, "OpenTelemetry span the record is about."
    ),
    "principal": _field(NAME, "Whose authority the model acts with; empty where nobody said."),
    "on_behalf_of": _field(NAME, "The same, where the actor is an agent."),
    "actor_is_agent": _field(FLAG, "The call was a model's idea."),
    # The call.
    "request_id": _field(
        nullable(NAME), "The request: mcpr_…, call_… or read_…; null for a call nobody was asked about."
    ),
    "approval_request_id": _field(nullable(NAME), "The same for a hosted call, by the wire's name."),
    "call_id": _field(NAME, "The same for a function of this process, by the wire's name."),
    "item_id": _field(nullable(NAME), "The output item that says so, such as mcp_…"),
    "server_label": _field(nullable(NAME), "The server; local for functions of this process."),
    "server_identity": _field(NAME, "Its URL (a query as its hash), connector or tunnel."),
    "tool": _field(NAME, "The tool's name there."),
    "via": _field(choice(get_args(Via)), "Who runs it."),
    "definition_hash": _field(nullable(NAME), "SHA-256 of the tool's definition as last listed."),
    "arguments": _field(
        {"anyOf": [mapping(ANY), listed(ANY), OMITTED, nullable(NAME), NUMBER, FLAG]},
        "What the model wrote, but for what is hidden: {hmac, key} for a value, [hmac:key:…] within a text.",
    ),
    "arguments_hmac": _field(HMAC, "HMAC-SHA256 of the arguments as JSON with sorted keys."),
    "arguments_size": _field(COUNT, "Of the arguments as JSON.", "bytes"),
    "hmac_key": _field(KEY_ID, "Which key HMACs of this line were made with, where they do not say."),
    "leaf_hmacs": _field(listed(HMAC), "At level metadata: an HMAC for each value of the arguments."),
    "leaf_hmacs_omitted": _field(COUNT, "Values beyond the first 256, which have none."),
    "sealed": _field(
        members(
            {"key": SHA256, "data": {"type": "string", "contentEncoding": "base64"}}, required=("key", "data")
        ),
        "What only a reviewer reads: an age file, and the name of its key in sealed/.",
    ),
    "fingerprint": _field(HMAC, "HMAC over server, tool and arguments: the same call has the same."),
    "edited_from": _field(HMAC, "The fingerprint of what the model asked for, where a person changed it."),
    "attempt": _field(COUNT, "How often the request was tried before."),
    # The decision.
    "outcome": _field(
        choice([*(outcome.value for outcome in Outcome), "run", "not_run", "repeated", "given_up"]),
        "What was decided; run and not_run of an attempt, repeated and given_up of an unknown outcome.",
    ),
    "effect": _field(_EFFECT, "What the policies say."),
    "rule_ids": _field(listed(NAME), "Rules that carry the effect."),
    "matches": _field(
        listed(_MATCH), "Every rule that matched, and by which predicates. No argument values."
    ),
    "policy_hash": _field(NAME, "SHA-256 of the policy's text (a blob); several are joined by a comma."),
    "definition_changes": _field(listed(TEXT), "How the tool's definition differs from the pinned one."),
    "shadow": _field(
        {"anyOf": [FLAG, listed(_SHADOW)]},
        "What policies in shadow mode would have said; of a policy: that it only records.",
    ),
    "reason": _field(TEXT, "In words: why."),
    "approver": _field(NAME, "Who decided or asked for it."),
    "reviewer": _field(NAME, "Who has read."),
    "authenticated": _field(FLAG, "Somebody vouches for that name; else it is a claim."),
    "mode": _field(choice(("live", "resumed")), "live: asked while the run waited. resumed: answered later."),
    "counts": _field(FLAG, "Whether this yes counts towards those that are needed."),
    "needs": _field(listed(NAME), "Who has to agree, one line each."),
    "may_answer": _field(listed(NAME), "Whose yes would count when it was asked."),
    "screen_hash": _field(
        {"type": "string", "pattern": "^([0-9a-f]{64})?$"},
        "What the person was shown: a blob's name; the HMAC of it where it is masked or withheld.",
    ),
    "asked_at": _field(
        nullable(TIME), "When the approver was asked; of an answer that came later, when it was first shown."
    ),
    "shown_at": _field(TIME, "When somebody was first shown the question."),
    "decided_at": _field(TIME, "When the decision was made."),
    # The effect.
    "status": _field(
        choice(
            (
                "completed",
                "failed",
                "timeout",
                "unknown",
                "paused",
                "stopped",
                "not_run",
                "sealed",
                "unsealed",
                "tampered",
                "unusable",
            )
        ),
        "What became of it; of a review: what `audit verify` said.",
    ),
    "evidence": _field(choice(one.value for one in Evidence), "How that is known."),
    "result": _field(ANY, "At level full: what came back."),
    "result_size": _field(COUNT, "Of what came back.", "bytes"),
    "result_sha256": _field(SHA256, "SHA-256 of what came back."),
    "latency_ms": _field({"type": "number", "minimum": 0}, "How long it ran.", "milliseconds"),
    "is_error": _field(FLAG, "Anything but completed. A failure is not a success with an odd result."),
    "error": _field(
        nullable(TEXT),
        "What went wrong. A server's own words only at level full; else {code, size, hmac, key}.",
    ),
    "error_kind": _field(
        choice(("tool", "protocol", "invalid")),
        "Of a bridged call: isError, a JSON-RPC error, or a result that does not fit its output schema.",
    ),
    "truncated": _field(FLAG, "The model got the result cut."),
    "full_size": _field(COUNT, "The result before the cut.", unit="bytes"),
    # Grants.
    "grant_id": _field(NAME, "The grant, grant_…"),
    "granted_for": _field(NAME, "The request that it was made for."),
    "scope": _field(NAME, "How far it reaches."),
    "bound": _field(listed(NAME), "Names of the arguments that must be equal."),
    "expires": _field(nullable(NUMBER), "When it ends; null: with the conversation.", "seconds since 1970"),
    "uses": _field(nullable(COUNT), "How many calls it covers; null: any number."),
    "used": _field(COUNT, "How many it has covered, this one included."),
    # Configuration, policies, servers.
    "file": _field(NAME, "The configuration's file."),
    "model": _field(NAME, "The model, or the deployment."),
    "endpoint": _field(NAME, "openai, azure, local or url."),
    "profile": _field(NAME, "What the endpoint is taken to be able to do."),
    "approvals_honoured": _field(FLAG, "Whether it honours approvals."),
    "accept_ungated": _field(listed(NAME), "Built-in tools that may run without asking."),
    "functions": _field(listed(NAME), "Functions of this process that the model may call."),
    "anchor": _field(NAME, "The anchor, as `mcpbridge audit verify` names it."),
    "audit": _field(_KEPT, "What the log keeps from here on."),
    "policy": _field(NAME, "The policy's name."),
    "pins_hash": _field(NAME, "SHA-256 of the file with pinned definitions."),
    "before": _field(
        {"anyOf": [listed(NAME), TIME]}, "Policies: those before. Retention: what is older goes."
    ),
    "after": _field(listed(NAME), "Hashes of the policies in force now."),
    "policies": _field(listed(NAME), "Their names."),
    "headers": _field(listed(NAME), "Names of headers sent to the server; never their values."),
    "allowed_tools": _field(nullable(listed(NAME)), "Tools that can be called there; null: all."),
    "observe": _field(FLAG, "Its calls run without asking, and are marked observed."),
    "declared_at": _field(NAME, "File and line of the declaration."),
    "tools": _field(
        {"anyOf": [mapping(NAME), listed(NAME)]},
        "Name → definition hash; in results_kept: patterns of tools.",
    ),
    "changed": _field(listed(NAME), "Tools whose definition is another, new or gone."),
    "epoch": _field(COUNT, "Of a bridged server: grows when it was connected anew or its tools changed."),
    "protocol": _field(NAME, "The negotiated version of MCP."),
    "server": _field(NAME, "What the server calls itself: a claim."),
    "left_out": _field(mapping(TEXT), "Tools that are not offered → why."),
    "offered": _field(listed(NAME), "Functions of ours among the tools: they read resources and prompts."),
    "refused": _field(
        listed(TEXT), "Tools of a bridged server that cannot be told apart or called, with why."
    ),
    "variables": _field(listed(NAME), "Names of variables of a server's process; never their values."),
    "elicitation": _field(choice(("form", "url")), "What a server asks a person for during a call."),
    "answer": _field(choice(("accept", "decline", "cancel")), "What the server is told."),
    "stage": _field(choice(("request", "answer")), "What is shown: the server's wish, or the model's words."),
    "method": _field(NAME, "What a server asked for, or is asked for, by MCP's name."),
    "roots": _field(listed(NAME), "Folders and files, as file:// URIs."),
    "kind": _field(NAME, "Of a built-in tool, or of a key."),
    # The run, and what the provider did.
    "restored": _field(FLAG, "The conversation came from saved state."),
    "turn": _field(COUNT, "The turn of the conversation, from 1."),
    "unknown": _field(listed(NAME), "Requests whose outcome nobody knows."),
    "capability": _field(TEXT, "What the endpoint cannot do."),
    "attempts": _field(COUNT, "How many tries there are at most."),
    "wait_s": _field(NUMBER, "How long is waited first.", "seconds"),
    "count": _field(COUNT, "How many."),
    "transformations": _field(ANY, "What the provider says that it did to the input."),
    "reported_calls": _field(listed(_REPORTED_CALL), "Calls that a refused response reports."),
    # The log itself.
    "note": _field(NAME, "A signed note (C2SP tlog-checkpoint) over all lines before this one."),
    "range": _field(listed(SHA256), "The Merkle tree's compact range there."),
    "removed_bytes": _field(COUNT, "Of a torn tail that was cut off.", "bytes"),
    "removed_sha256": _field(SHA256, "Of the same."),
    "voucher": _field(
        nullable(NAME), "The old key's signature over the new one; empty where the old is lost."
    ),
    "old": _field(NAME, "The key before, by its id."),
    "new": _field(NAME, "The key from here on, by its id."),
    "first_seq": _field(COUNT, "The first record meant."),
    "last_seq": _field(COUNT, "The last record meant, or removed."),
    "root": _field(NAME, "The Merkle root up to there."),
    "decisions": _field(COUNT, "How many decisions are among them."),
    "denied": _field(COUNT, "How many of them denied."),
    "findings": _field(COUNT, "What `audit reconcile` found there."),
    "selector": _field(mapping(ANY), "Which records are meant."),
    "keys": _field(listed(SHA256), "Keys of sealed records, by their names in sealed/."),
    "of": _field(COUNT, "The `seq` of the record that this one completes."),
    "hold": _field(NAME, "The hold's name."),
    "head": _field(SHA256, "Hash of the last line removed: `prev` of the first line left."),
    "segments": _field(listed(_SEGMENT), "Segments that are removed."),
    "archived": _field(FLAG, "They were copied elsewhere first."),
    "files": _field(COUNT, "Texts and keys that went with them."),
}
