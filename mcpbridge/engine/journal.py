"""The engine's audit records, one builder each. A record is durable when its method returns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from mcpbridge.core.action import Action, Via
from mcpbridge.core.conversation import Conversation, Grant
from mcpbridge.core.items import ApprovalRequest, HostedCall
from mcpbridge.core.question import Question
from mcpbridge.core.quota import Quota
from mcpbridge.core.ruling import Answer, Approve, Decision, Outcome, Ruling
from mcpbridge.engine.events import Evidence
from mcpbridge.policy.grants import plain
from mcpbridge.ports import AuditSink, Elicited, Record, ResultKeeper

_BY_A_PERSON: Final = frozenset({Outcome.HUMAN_ALLOW, Outcome.HUMAN_DENY, Outcome.TIMEOUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Writes the records of one run."""

    sink: AuditSink
    run_id: str

    async def note(self, type_: str, conversation: Conversation, /, *texts: str, **fields: Any) -> None:
        """A record without a form of its own: run started, retry, fallback, tripwire, … `texts` are kept
        as blobs."""
        await self.sink.append(Record(type=type_, fields=self._base(conversation) | fields, blobs=texts))

    async def asked(self, conversation: Conversation, question: Question) -> None:
        """A question was put to somebody who may answer much later."""
        fields = (
            self._base(conversation)
            | _action(question.action)
            | {
                "rule_ids": question.ruling.rule_ids,
                "screen_hash": question.screen_hash,
                "fingerprint": question.action.fingerprint(),
            }
            | (
                {"needs": [one.text for one in question.needs], "may_answer": question.may_answer}
                if question.needs
                else {}
            )
        )
        await self.sink.append(
            Record(type="question_asked", phase="pre", fields=fields, blobs=(question.screen,))
        )

    async def decision(
        self,
        conversation: Conversation,
        action: Action,
        ruling: Ruling,
        decision: Decision,
        *,
        asked_at: datetime | None,
        decided_at: datetime,
        blobs: tuple[str, ...],
        new_key: bool,
        quotas: tuple[Quota, ...] = (),
        withdrawn: bool = False,
    ) -> int:
        """The last word, before it takes effect; returns its sequence number. `withdrawn`: what was allowed
        earlier never had an effect. Raises QuotaFull where one of `quotas` permits no further use."""
        fields = self._base(conversation) | _action(action) | _ruling(ruling) | _decision(decision)
        fields |= {
            "actor_is_agent": True,
            "on_behalf_of": conversation.principal,
            "attempt": conversation.repeats.get(action.request_id, 0),
            "asked_at": asked_at.isoformat() if asked_at else None,
            "decided_at": decided_at.isoformat(),
        }
        if decision.outcome in _BY_A_PERSON:
            fields |= {"mode": "resumed" if asked_at is None else "live"}
            if shown := asked_at or _shown_at(conversation, action.request_id):
                fields |= {"asked_at": shown.isoformat(), "shown_at": shown.isoformat()}
        return await self.sink.append(
            Record(
                type="decision",
                phase="pre",
                fields=fields,
                blobs=blobs,
                decision_key=attempt_name(conversation, action.request_id),
                new_key=new_key,
                quotas=quotas,
                use=_use(conversation, action.request_id) if quotas else "",
                freed=_use(conversation, action.request_id) if withdrawn else "",
            )
        )

    async def edited(self, conversation: Conversation, action: Action, *, by: str) -> None:
        """What the model had asked for; the decision that follows is about what a person made of it."""
        fields = _action(action) | {"fingerprint": action.fingerprint(), "approver": by}
        await self.sink.append(
            Record(type="arguments_edited", phase="pre", fields=self._base(conversation) | fields)
        )

    async def claim(
        self, conversation: Conversation, call: Action | ApprovalRequest, *, void: bool, new_key: bool
    ) -> None:
        """Use up the right to run one attempt: to run it now, or (`void`) so that nobody can.
        Raises AlreadyDecided when it was used up before."""
        request_id = call.request_id if isinstance(call, Action) else call.id
        hosted = isinstance(call, ApprovalRequest) or call.via == "hosted"
        fields = {
            **_ids("hosted" if hosted else "local", request_id),
            "server_label": call.server_label,
            "tool": call.tool if isinstance(call, Action) else call.name,
            "attempt": conversation.repeats.get(request_id, 0),
            "outcome": "not_run" if void else "run",
        }
        await self.sink.append(
            Record(
                type="recovery" if void else "intent",
                phase="pre",
                fields=self._base(conversation) | fields,
                decision_key=f"{attempt_name(conversation, request_id)}/run",
                new_key=new_key,
                freed=_use(conversation, request_id) if void else "",
            )
        )

    async def resolved(
        self, conversation: Conversation, request_id: str, *, repeat: bool, answer: Answer
    ) -> None:
        """A person decided what becomes of a request of unknown outcome."""
        await self.sink.append(
            Record(
                type="recovery",
                phase="pre",
                fields=self._base(conversation)
                | {
                    "request_id": request_id,
                    "attempt": conversation.repeats.get(request_id, 0),
                    "outcome": "repeated" if repeat else "given_up",
                    "approver": answer.by,
                    "authenticated": answer.authenticated,
                    "reason": answer.reason,
                },
                decision_key=f"{attempt_name(conversation, request_id)}/unknown",
            )
        )

    async def elicitation_asked(self, conversation: Conversation, question: Question, mode: str) -> None:
        """A server asks a person for something while its call runs."""
        fields = self._base(conversation) | _about(question) | {"elicitation": mode}
        fields["arguments"] = question.action.arguments or {}  # what is hidden in them, the screen hides too
        record = Record(type="elicitation_asked", phase="pre", fields=fields, blobs=(question.screen,))
        await self.sink.append(record)

    async def elicitation_answered(
        self,
        conversation: Conversation,
        question: Question,
        elicited: Elicited,
        decision: Decision | None,
        reason: str,
    ) -> None:
        """What the server is answered, before it is."""
        fields = self._base(conversation) | _about(question) | {"answer": elicited.action, "reason": reason}
        if decision is not None:
            fields |= {"approver": decision.approver, "authenticated": decision.authenticated}
        if elicited.content is not None:
            fields["arguments"] = elicited.content
        await self.sink.append(Record(type="elicitation_answered", phase="pre", fields=fields))

    def outcome(
        self,
        conversation: Conversation,
        action: Action,
        *,
        status: str,
        result: str | bytes,
        latency: float,
        error: str | None,
        facts: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """What became of an action that ran here: what `pay` writes."""
        kept = self._kept(f"{action.server_label}.{action.tool}", result)
        return kept | {
            **self._base(conversation),
            **_ids(action.via, action.request_id),
            "server_label": action.server_label,
            "tool": action.tool,
            "via": action.via,
            "latency_ms": round(latency * 1000, 3),
            **_result(status, "executed_here", result, error),
            **(facts or {}),
        }

    def hosted_outcome(self, conversation: Conversation, call: HostedCall) -> Mapping[str, Any]:
        """What the provider reports of a hosted call: what `pay` writes."""
        status = "completed" if call.error is None else "failed"
        came = call.output if call.output is not None else call.error or ""
        return self._kept(f"{call.server_label}.{call.name}", came) | {
            **self._base(conversation),
            **_ids("hosted", call.approval_request_id),
            "item_id": call.id,
            "server_label": call.server_label,
            "tool": call.name,
            "via": "hosted",
            **_result(status, hosted_evidence(call), came, call.error),
        }

    def _kept(self, tool: str, result: str | bytes) -> dict[str, Any]:
        """The result itself, for a log that keeps it."""
        # Not `isinstance`, which for a protocol costs ten microseconds of each call.
        keeper = cast("ResultKeeper | None", self.sink if hasattr(self.sink, "keeps_results") else None)
        if keeper is None or not keeper.keeps_results(tool):
            return {}
        return {"result": result if isinstance(result, str) else result.decode("utf-8", "surrogatepass")}

    async def pay(self, outcome: Mapping[str, Any]) -> None:
        """Write an outcome that a conversation owes."""
        await self.sink.append(Record(type="outcome", phase="post", fields=outcome))

    async def unknown(
        self,
        conversation: Conversation,
        request_ids: tuple[str, ...],
        why: str,
        *,
        epoch: int | None = None,
    ) -> None:
        """Something may have taken effect and nobody told us. `epoch` as in the outcome of a bridged call."""
        facts: dict[str, Any] = {"status": "unknown", "reason": why}
        facts |= {} if epoch is None else {"epoch": epoch}
        decided = {one.request_id: one for one in conversation.decisions}
        for request_id in request_ids:
            one = decided.get(request_id)
            what = {} if one is None else {"server_label": one.server_label, "tool": one.tool}
            await self.note("outcome_unknown", conversation, request_id=request_id, **what, **facts)

    async def grant_made(self, conversation: Conversation, grant: Grant, action: Action) -> None:
        """ "Always", with what it is bound to."""
        await self.sink.append(
            Record(
                type="grant_made",
                fields=self._base(conversation)
                | _action(action)
                | {"fingerprint": grant.fingerprint, "scope": "conversation"}
                | plain(grant),
            )
        )

    async def grant_used(self, conversation: Conversation, grant: Grant, action: Action) -> None:
        """A grant covered a call. `used` counts this one."""
        fields: dict[str, Any] = {"request_id": action.request_id, "granted_for": grant.request_id} | plain(
            grant
        )
        await self.note("grant_used", conversation, **fields)

    async def grant_refused(
        self, conversation: Conversation, action: Action, reason: str, grant: Grant | None = None
    ) -> None:
        """A grant that does not hold for a call (any more), or an "always" that made none."""
        about: dict[str, Any] = {} if grant is None else {"granted_for": grant.request_id} | plain(grant)
        about |= {"server_label": action.server_label, "tool": action.tool, "reason": reason}
        await self.note("grant_refused", conversation, request_id=action.request_id, **about)

    async def approval_given(
        self, conversation: Conversation, question: Question, answer: Approve, why_not: str | None
    ) -> None:
        """A yes where somebody in particular has to agree, whether it counts, and if not, why."""
        await self.note(
            "approval_given",
            conversation,
            question.screen,
            **_action(question.action),
            screen_hash=question.screen_hash,
            approver=answer.by,
            authenticated=answer.authenticated is True,
            counts=why_not is None,
            reason=why_not or answer.reason,
        )

    def _base(self, conversation: Conversation) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "conversation_id": conversation.id,
            "response_id": conversation.response_id,
            "principal": conversation.principal,
        }


def hosted_evidence(call: HostedCall) -> Evidence:
    """Whether anybody was asked before the provider ran it."""
    return "observed" if call.approval_request_id is None else "reported_by_provider"


def _result(status: str, evidence: Evidence, result: str | bytes, error: str | None) -> dict[str, Any]:
    content = result.encode("utf-8", "surrogatepass") if isinstance(result, str) else result
    found: dict[str, Any] = {
        "status": status,
        "evidence": evidence,
        "result_size": len(content),
        "result_sha256": hashlib.sha256(content).hexdigest(),
        "is_error": status != "completed",
    }
    return found if error is None else found | {"error": error[:500]}


def _ids(via: Via, request_id: str | None) -> dict[str, Any]:
    """A request by the one name that all records have, and by the wire's: `mcpr_…` or `call_…`."""
    wire = "approval_request_id" if via == "hosted" else "call_id"
    return {"request_id": request_id} | ({} if request_id is None else {wire: request_id})


def _shown_at(conversation: Conversation, request_id: str) -> datetime | None:
    """When somebody was first shown the question, where the answer came later."""
    at = conversation.asked_at.get(request_id)
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _about(question: Question) -> dict[str, Any]:
    """Which call a server's question belongs to."""
    action = question.action
    return {
        "request_id": action.request_id,
        "server_label": action.server_label,
        "server_identity": action.server_identity,
        "tool": action.tool,
        "screen_hash": question.screen_hash,
    }


def attempt_name(conversation: Conversation, request_id: str) -> str:
    """Names one attempt at one request, in the whole log."""
    return f"{conversation.id}/{request_id}/{conversation.repeats.get(request_id, 0)}"


def _use(conversation: Conversation, request_id: str) -> str:
    """Names a request among those that used up a quota. A hash: the provider chose the id."""
    text = f"{conversation.id}/{request_id}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _ruling(ruling: Ruling) -> dict[str, Any]:
    extra: dict[str, Any] = {"definition_changes": ruling.notes} if ruling.notes else {}
    if ruling.shadows:
        extra["shadow"] = [
            _ruling(one) | {"outcome": one.outcome and one.outcome.value, "reason": one.reason}
            for one in ruling.shadows
        ]
    return extra | {
        "effect": ruling.effect.value,
        "rule_ids": ruling.rule_ids,
        "matches": [
            {
                "rule": match.rule_id,
                "effect": match.effect.value,
                "policy": match.policy,
                "predicates": match.predicates,
                "undecided": match.undecided,
            }
            for match in ruling.matches
        ],
        "policy_hash": ruling.policy_hash,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    found: dict[str, Any] = {"outcome": decision.outcome.value, "reason": decision.reason}
    if decision.approver or decision.screen_hash:
        found |= {
            "approver": decision.approver,
            "authenticated": decision.authenticated,
            "screen_hash": decision.screen_hash,
        }
    return found


def _action(action: Action) -> dict[str, Any]:
    before = {"edited_from": action.edited_from} if action.edited_from else {}
    return before | {
        **_ids(action.via, action.request_id),
        "server_label": action.server_label,
        "server_identity": action.server_identity,
        "tool": action.tool,
        "via": action.via,
        "definition_hash": action.definition_hash or None,
        "arguments": action.arguments if action.malformed is None else {"malformed": action.raw_arguments},
    }
