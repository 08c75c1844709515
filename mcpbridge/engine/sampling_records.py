"""Records of what a server asked for besides values: words of the model, its roots, what it did not get."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.put import Said
from mcpbridge.ports import Record, ResultKeeper, Sampled, ServerAsked


async def sampling_asked(
    journal: Journal, conversation: Conversation, shown: Question, *, stage: Literal["request", "answer"]
) -> None:
    """What a person is about to be shown: the server's wish, or the model's words."""
    fields: dict[str, Any] = {"stage": stage, "arguments": shown.action.arguments or {}}
    await _write(journal, "sampling_asked", conversation, shown, fields, shown.screen)


async def sampling_decided(journal: Journal, conversation: Conversation, shown: Question, said: Said) -> None:
    """Whether the model is asked, before it is."""
    await _write(journal, "sampling_decided", conversation, shown, _said(said))


async def sampling_answered(
    journal: Journal, conversation: Conversation, shown: Question, said: Said, words: Sampled
) -> None:
    """What the server gets, before it does."""
    content = words.text.encode("utf-8", "surrogatepass")
    fields = _said(said) | {"model": words.model, "reason": words.refused or said.reason}
    if words.refused and fields["answer"] == "accept":
        fields["answer"] = "cancel"
    if not words.refused:
        fields |= {"result_size": len(content), "result_sha256": hashlib.sha256(content).hexdigest()}
        if isinstance(journal.sink, ResultKeeper) and journal.sink.keeps_results(shown.action.name):
            fields["result"] = words.text
    await _write(journal, "sampling_answered", conversation, shown, fields)


def asked_record(asked: ServerAsked) -> Record:
    """What nobody was asked about, as a record that needs no conversation."""
    fields: dict[str, Any] = {
        "server_label": asked.server_label,
        "server_identity": asked.server_identity,
        "method": asked.method,
    }
    if asked.tool:
        fields["tool"] = asked.tool
    if asked.reason:
        return Record(type="server_request_refused", fields=fields | {"reason": asked.reason})
    return Record(type="roots_asked", fields=fields | {"roots": asked.roots})


async def noted(journal: Journal, conversation: Conversation, request_id: str, asked: ServerAsked) -> None:
    """The same in the middle of a call."""
    record = asked_record(asked)
    await journal.note(record.type, conversation, **record.fields, request_id=request_id)


def _said(said: Said) -> dict[str, Any]:
    fields: dict[str, Any] = {"answer": said.action, "reason": said.reason}
    if said.decision is not None:
        fields |= {"approver": said.decision.approver, "authenticated": said.decision.authenticated}
    return fields


async def _write(
    journal: Journal,
    type_: str,
    conversation: Conversation,
    shown: Question,
    fields: dict[str, Any],
    *texts: str,
) -> None:
    action = shown.action
    about = {
        "run_id": journal.run_id,
        "conversation_id": conversation.id,
        "response_id": conversation.response_id,
        "principal": conversation.principal,
        "request_id": action.request_id,
        "server_label": action.server_label,
        "server_identity": action.server_identity,
        "tool": action.tool,
        "screen_hash": shown.screen_hash,
    }
    await journal.sink.append(Record(type=type_, phase="pre", fields=about | fields, blobs=texts))
