"""Every promise, with its source. A test keeps promises and tests to each other, in both directions.

A test names the promise it shows with `@pytest.mark.promise("id")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    id: str
    source: str
    sentence: str


def _promise(id: str, source: str, sentence: str) -> Promise:
    return Promise(id=id, source=source, sentence=sentence)


PROMISES: Final = (
    _promise("demo-runs", "README", "The demo runs without a key and without a terminal, and exits 0."),
    _promise("one-post", "WIRE §6", "A request with a live approval is sent once; its failure is unknown."),
    _promise("many-at-once", "docs/decisions/0007", "Conversations at once lose no call and double none."),
    _promise("retried", "WIRE §6", "The same failure without a live approval is retried."),
    _promise(
        "unknown-decided", "docs/decisions/0001", "A person has an unknown request repeated or given up."
    ),
    _promise("no-redirect", "docs/decisions/0001", "Redirects are not followed: the body holds credentials."),
    _promise(
        "remembers", "WIRE §4.8", "A second turn knows hosted results where mcp_call items are dropped."
    ),
    _promise("reasoning-replayed", "WIRE §4.1", "Encrypted reasoning is replayed, and nothing is stored."),
    _promise("reasoning-dropped", "WIRE §4.6", "Reasoning that does not verify is dropped once, on record."),
    _promise("include-fallback", "WIRE §4.1", "A refused include is remembered, and the turn goes on."),
    _promise("no-secret", "SECURITY", "No configured credential appears in what we write, show or raise."),
    _promise("no-secret-stream", "docs/decisions/0005", "A credential in pieces is masked while streaming."),
    _promise("sealed-state", "docs/threat-model", "An edited saved conversation is refused."),
    _promise(
        "valid-requests", "issue: the spine", "Requests fit the published description and openai's types."
    ),
    _promise("unasked-stops", "WIRE §9", "A hosted call that nobody approved stops the run, on record."),
    _promise("not-completed", "WIRE §7", "No tool runs from a response that is not completed."),
    _promise("silent-server", "WIRE §7", "A declared server that is never listed is reported."),
    _promise("424-named", "WIRE §7", "A server whose tools cannot be listed is named; others can go on."),
    _promise("transformations", "WIRE §4.6", "input_transformations are surfaced."),
    _promise("empty-answer", "WIRE §7", "An empty answer after a denial is an answer, not an error."),
    _promise("unknown-kept", "WIRE §2", "Unknown inert items are replayed; unknown events are passed on."),
    _promise("unanswerable", "WIRE §2", "An item that needs an answer we cannot give stops the run by name."),
    _promise("ungated-opt-in", "DESIGN", "Built-in tools run only where the configuration accepted them."),
    _promise("denial-reason", "POLICY §9", "The model is told why a call was denied."),
    _promise("record-first", "AUDIT", "Without a durable record no approval is sent and no function runs."),
    _promise("first-wins", "docs/decisions/0003", "Of copies of saved state only one decides and runs."),
    _promise("second-resume", "issue: the spine", "A second resume of a decided question is refused."),
    _promise("at-most-once", "docs/threat-model", "Cancelled, killed and resumed, nothing runs twice."),
    _promise("strict-yes", "POLICY §8", "Only an Approve is a yes; whatever else an approver does is a no."),
    _promise("examples-run", "STYLE 17", "Every example runs; a recipe adds at most ten lines."),
    _promise("tampering", "AUDIT", "A changed byte inside the log is found."),
    _promise("no-approvals-no-hosted", "DESIGN", "Hosted servers need a profile that honours approvals."),
)
