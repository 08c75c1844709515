"""The names of record types. They are stable: reviewers and exports match on them."""

from __future__ import annotations

from enum import StrEnum


class RecordType(StrEnum):
    """What a line of the log is about."""

    RUN_STARTED = "run_started"
    """A turn begins: `run_id`, `conversation_id`, `principal`, `restored`, `turn`."""
    RUN_FINISHED = "run_finished"
    """A turn ended: `status` (completed, paused, failed, unknown, stopped) and the `error`, if any."""
    CONFIG_LOADED = "config_loaded"
    """A configuration took effect: model, endpoint, profile, functions."""
    POLICY_LOADED = "policy_loaded"
    """A policy took effect; its text is a blob named by `policy_hash`. `shadow`: it only records."""
    POLICY_RELOADED = "policy_reloaded"
    """Policy files changed and took effect together: hashes `before` and `after`, the texts as blobs."""
    POLICY_RELOAD_FAILED = "policy_reload_failed"
    """Policy files changed and one is broken (`reason`), so those of `before` stay in force."""
    FROZEN = "frozen"
    """Somebody denied everything at once: `approver`, `reason`."""
    THAWED = "thawed"
    """And ended that."""
    ARGUMENTS_EDITED = "arguments_edited"
    """A person changed the arguments of a call before it ran: these are the model's. The decision is about
    the changed ones; its `edited_from` is the `fingerprint` here."""
    SERVER_REGISTERED = "server_registered"
    """A server may be called from here on: `server_label`, `server_identity`."""
    SERVER_SILENT = "server_silent"
    """A server was declared and the provider said nothing about it: neither tools nor an error."""
    SERVER_REMOVED = "server_removed"
    """A server may no longer be called."""
    TOOLS_LISTED = "tools_listed"
    """A server's tools as first seen, each by its `definition_hash`."""
    TOOLS_CHANGED = "tools_changed"
    """A server describes its tools differently than before."""
    DECISION = "decision"
    """The last word on one action; durable before it takes effect. See `Outcome` in core.ruling."""
    INTENT = "intent"
    """Phase pre: an effect is about to begin (`outcome`: run). Its `decision_key` uses up the right to run
    this attempt. Without an outcome after it, nobody knows whether it ran."""
    OUTCOME = "outcome"
    """Phase post: what became of an effect: `status`, `evidence`, `result_size`, `result_sha256`."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """An effect may have happened and nobody told us; it is not repeated by itself."""
    QUESTION_ASKED = "question_asked"
    """A person was asked; the screen is a blob named by `screen_hash`."""
    ELICITATION_ASKED = "elicitation_asked"
    """A bridged server asked for something while its call ran: `elicitation` (form, url); the screen is a
    blob."""
    ELICITATION_ANSWERED = "elicitation_answered"
    """What it is answered: `answer` (accept, decline, cancel), `approver`; a form's values as `arguments`."""
    SAMPLING_ASKED = "sampling_asked"
    """A bridged server wants words of the model while its call runs: `arguments` is what would be sent, or
    (`stage` answer) what the model said; the screen is a blob."""
    SAMPLING_DECIDED = "sampling_decided"
    """Whether the model is asked, durable before it is: `answer` (accept, decline, cancel), `approver`."""
    SAMPLING_ANSWERED = "sampling_answered"
    """What the server gets then, durable before it does: `answer`; with accept `result_size` and
    `result_sha256` of the words, and the `model`."""
    ROOTS_ASKED = "roots_asked"
    """A bridged server asked where it may work, and is told the configured `roots`."""
    SERVER_REQUEST_REFUSED = "server_request_refused"
    """A bridged server asked for something (`method`) that it did not get, and nobody was asked: `reason`.
    With `request_id` where it asked in the middle of a call."""
    READ_ASKED = "read_asked"
    """Phase pre: code of the owner, and no model, is about to read what a bridged server has (`method`), so
    no policy decides. `tool` is the function of ours that does the same for a model."""
    READ_ANSWERED = "read_answered"
    """Phase post: what became of it, durable before that code has it: `status` (completed, failed, stopped),
    `result_size`, `result_sha256`."""
    SERVER_UNAVAILABLE = "server_unavailable"
    """A bridged server could not be reached: `error`, `reason`."""
    GRANT_MADE = "grant_made"
    """A person said "always for this conversation"."""
    GRANT_USED = "grant_used"
    """A grant covered a call: `grant_id`, `granted_for` (the request it was made for), `used`, `uses`."""
    GRANT_REFUSED = "grant_refused"
    """A grant did not hold for a call, or an "always" made none: `reason`."""
    APPROVAL_GIVEN = "approval_given"
    """A yes where somebody in particular has to agree: `approver`, `authenticated`, `counts`, `reason`."""
    GRANT_WITHDRAWN = "grant_withdrawn"
    """A person took a grant back: `request_id` and `fingerprint` of the call it was made for, `approver`."""
    RETRY = "retry"
    """A request that cannot have taken effect was sent again."""
    CAPABILITY_FALLBACK = "capability_fallback"
    """The endpoint cannot do something; we went on without it."""
    REASONING_DROPPED = "reasoning_dropped"
    """Encrypted reasoning was not replayed."""
    INPUT_TRANSFORMED = "input_transformed"
    """The provider says that it changed the input."""
    TRIPWIRE = "tripwire"
    """A broken invariant of the wire stopped the run."""
    RECOVERY = "recovery"
    """Something broken was brought to an end. With `outcome`, a request: `not_run` (an attempt that never
    began cannot begin any more), `repeated` or `given_up` (what becomes of one whose outcome is unknown, with
    the `approver` who said so). Without, the log's torn tail was cut off, by the log itself:
    `removed_bytes`, `removed_sha256`."""
    RESULTS_KEPT = "results_kept"
    """Whole results of some tools are in this log from here on: `tools`, the patterns at level `full`."""
    CHECKPOINT = "checkpoint"
    """Written by the log itself: a signed note over all lines before, and the tree's compact range."""
    ANCHOR_FAILED = "anchor_failed"
    """A checkpoint could not be taken to an anchor (`anchor`), and why (`reason`). It is tried again."""
    ANCHOR_RESTORED = "anchor_restored"
    """The anchor takes checkpoints again."""
    KEY_ROTATED = "key_rotated"
    """A key of the log was replaced: `kind` (signing or hmac), `old`, `new`, both as ids, and by whom."""
    REVIEW_SIGNOFF = "review_signoff"
    """A person has read a part of the log and says so: `reviewer`, `first_seq`, `last_seq`, `root`."""
    ERASED = "erased"
    """Phase pre: keys of sealed records (`keys`, `count`) are about to be destroyed; phase post: they are.
    `selector` says which records were meant, `approver` and `reason` by whom and why."""
    HOLD_ADDED = "hold_added"
    """Nothing of this log may be erased or removed until `hold` is released: `approver`, `reason`."""
    HOLD_RELEASED = "hold_released"
    """And that hold ended."""
    RETENTION_APPLIED = "retention_applied"
    """Phase pre: old segments (`segments`) are about to be removed; phase post: they are. `last_seq`, `head`
    and `range` are the end of what is gone: the chain begins there, and can still be proven."""
    UNGATED = "ungated"
    """A tool that never asks was allowed by configuration."""


class Evidence(StrEnum):
    """How an outcome is known."""

    EXECUTED_HERE = "executed_here"
    REPORTED_BY_PROVIDER = "reported_by_provider"
    OBSERVED = "observed"
    """It ran under a server that is not asked about; nobody decided."""


class OutcomeStatus(StrEnum):
    """What became of an effect."""

    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_RUN = "not_run"
