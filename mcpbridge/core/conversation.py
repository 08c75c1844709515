"""The state of a conversation: frozen, plain wire items and names. Resume is calling run() again.

A conversation only ever grows. Four moves exist, each returns a new conversation:

    say(text)            the user (or the application) adds input
    sending()            a request is about to leave: live approvals count as effects begun
    receive(response)    a response is taken over whole, or refused whole
    answer(answer)       one pending request is answered

`request()` refuses while anything is pending or has an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mcpbridge.core import transcript
from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.approval import Vote
from mcpbridge.core.copies import replaced
from mcpbridge.core.decisions import Decided, Decisions
from mcpbridge.core.declared import Declared
from mcpbridge.core.entries import Entries, Entry, McpResults, input_entry
from mcpbridge.core.items import ApprovalRequest, FunctionCall, HostedCall, Item
from mcpbridge.core.request import ModelRequest
from mcpbridge.errors import ReplayInvariant, UsageError

Pending = ApprovalRequest | FunctionCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAnswer:
    """Answers an `mcp_approval_request`. `reason` reaches the model."""

    request_id: str
    approve: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionAnswer:
    """Answers a `function_call`, with text or content parts."""

    request_id: str
    output: str | Sequence[Item]


AnswerItem = ApprovalAnswer | FunctionAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A person's "always", for this conversation: this server, tool, principal, and the arguments it binds
    (see policy/grants.py). One saved by a version that kept no `name` covers nothing any more."""

    fingerprint: str
    """Of the call that it was made for."""
    definition_hash: str
    principal: str
    request_id: str
    id: str = ""
    server_identity: str = ""
    name: str = ""
    """`label.tool`."""
    bound: Mapping[str, str] = field(default_factory=dict[str, str])
    """Argument → canonical JSON of its value: what must be equal."""
    arguments: tuple[str, ...] = ()
    """Names of all arguments of that call: a call with any other one is not covered."""
    made_at: float = 0.0
    """POSIX time, as `expires`."""
    expires: float | None = None
    uses: int | None = None
    used: int = 0
    needs: tuple[str, ...] = ()
    """Who had to agree to it, as the approver rules said then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridged:
    """What a function's name stands for in this conversation, for good: a tool of a bridged server."""

    server_label: str
    definition: ToolDefinition
    """As it was first listed here, with the server's identity: calls and pins are held to it."""
    late: bool = False
    """Whether it was missing when the server's tools were first listed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, summed over the conversation's responses."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Everything needed to go on, in another process or on another day. No secret, no live object."""

    id: str
    principal: str = ""
    mcp_results: McpResults = "function_pair"
    entries: tuple[Entry, ...] = ()
    user_texts: tuple[str, ...] = ()
    """What the user wrote: never context, files, templates or tool results."""
    pending: tuple[Pending, ...] = ()
    begun: tuple[str, ...] = ()
    """Requests whose effect has begun and has not been accounted for."""
    approved: Mapping[str, ApprovalRequest] = field(default_factory=dict[str, ApprovalRequest])
    """Approvals given and not yet used by an `mcp_call`: these are live (WIRE §6)."""
    ids: frozenset[str] = frozenset()
    """Every item id and call id seen."""
    identities: Mapping[str, str] = field(default_factory=dict[str, str])
    """Server label → identity, as declared when it was first used here."""
    tools: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Server label → tool name → definition hash, from the last listing."""
    bridged: Mapping[str, Bridged] = field(default_factory=dict[str, Bridged])
    """Function name → the tool of a bridged server: a saved call cannot reach another server's."""
    decisions: tuple[Decided, ...] = ()
    asked: Mapping[str, str] = field(default_factory=dict[str, str])
    """Open question → SHA-256 of the screen that a person was shown; an answer is bound to it."""
    asked_at: Mapping[str, float] = field(default_factory=dict[str, float])
    """Open question → POSIX time at which it was first put: escalation counts from there."""
    votes: Mapping[str, tuple[Vote, ...]] = field(default_factory=dict[str, tuple[Vote, ...]])
    """Open question → the answers that counted, where one person is not enough."""
    grants: tuple[Grant, ...] = ()
    owed: tuple[Mapping[str, Any], ...] = ()
    """Outcomes that are not on record yet: written before anything else happens."""
    repeats: Mapping[str, int] = field(default_factory=dict[str, int])
    """Request → how many attempts at it were made and came to nothing, or to nobody knows what."""
    doubtful: frozenset[str] = frozenset()
    """Requests that are tried again although an earlier attempt may have taken effect."""
    usage: Usage = Usage()
    turn: int = 0
    rounds: int = 0
    """Model responses since the user last spoke."""
    output: tuple[Item, ...] = ()
    """The items of the last response."""
    response_id: str = ""
    restored: bool = False
    """True after loads(): copies of this state may exist, so each decision is claimed in the audit."""

    def say(self, content: str | Sequence[Item], *, context: bool = False) -> Conversation:
        """Add input. `content` is text, or Responses input parts (`input_text`, `input_image`, …).

        Text given as `context` goes out as a developer message and never counts as the user's words.
        """
        if self.pending:
            raise UsageError("questions are open in this conversation; answer them before saying more")
        item = {"type": "message", "role": "developer" if context else "user", "content": content}
        spoken = () if context else transcript.texts(content)
        return replaced(
            self,
            entries=transcript.before_input(Entries.of(self.entries)).plus(input_entry(item)),
            user_texts=(*self.user_texts, *spoken),
            turn=self.turn + (0 if context else 1),
            rounds=0,
            output=(),
        )

    def request(self) -> ModelRequest:
        """The next request's input. Raises ReplayInvariant when it must not leave."""
        if self.pending:
            missing = ", ".join(call.id for call in self.pending)
            raise ReplayInvariant(f"every request must be answered before the next one: {missing}")
        unknown = [name for name in self.begun if name not in self.approved]
        if unknown:
            raise ReplayInvariant(f"the outcome of {', '.join(unknown)} is unknown")
        if not self.entries:
            raise ReplayInvariant("an empty conversation has nothing to send")
        return ModelRequest(
            conversation_id=self.id,
            encoded_items=Entries.of(self.entries).sent,
            live_approvals=tuple(self.approved),
        )

    def sending(self) -> Conversation:
        """A request leaves now. Its live approvals may execute, whatever becomes of the answer."""
        return replaced(self, begun=tuple(self.approved)) if self.approved else self

    def not_sent(self) -> Conversation:
        """The request provably executed nothing; sending its approvals again is a further attempt."""
        state = replaced(self, begun=()) if self.begun else self
        for request_id in self.begun:
            state = state.again(request_id)
        return state

    def receive(self, response: Mapping[str, Any], declared: Declared) -> Conversation:
        """Take over a completed response, whole. Raises ProtocolViolation and changes nothing else."""
        return transcript.receive(self, response, declared)

    def beginning(self, request_id: str) -> Conversation:
        """An effect (or the decision that leads to it) begins now; until it is answered it is unknown."""
        return self if request_id in self.begun else replaced(self, begun=(*self.begun, request_id))

    def not_begun(self, request_id: str) -> Conversation:
        """The effect provably did not begin."""
        return replaced(self, begun=tuple(name for name in self.begun if name != request_id))

    def answer(self, answer: AnswerItem) -> Conversation:
        """Answer one pending request. Refuses strangers, repeats and answers of the wrong kind."""
        call = next((call for call in self.pending if call.id == answer.request_id), None)
        if call is None:
            raise UsageError(f"{answer.request_id} is not an open question of this conversation")
        match call, answer:
            case ApprovalRequest(), ApprovalAnswer():
                item = transcript.approval_response(answer)
                approved = {**self.approved, call.id: call} if answer.approve is True else self.approved
            case FunctionCall(), FunctionAnswer():
                item = {"type": "function_call_output", "call_id": call.id, "output": answer.output}
                approved = self.approved
            case _:
                raise UsageError(f"{answer.request_id} takes another kind of answer")
        return replaced(
            self,
            entries=transcript.before_input(Entries.of(self.entries)).plus(input_entry(item)),
            pending=tuple(other for other in self.pending if other is not call),
            begun=tuple(name for name in self.begun if name != call.id),
            approved=approved,
        )

    def listed(
        self, label: str, identity: str, hashes: Mapping[str, str], new: Mapping[str, Bridged]
    ) -> Conversation:
        """A bridged server has listed its tools: name → hash, and those that are `new` here."""
        return replaced(
            self,
            identities={**self.identities, label: identity},
            tools={**self.tools, label: hashes},
            bridged={**new, **self.bridged} if new else self.bridged,
        )

    def decided(self, decision: Decided) -> Conversation:
        """Note a decision."""
        return replaced(self, decisions=Decisions.of(self.decisions).plus(decision))

    def asking(self, request_id: str, screen_hash: str, *, at: float = 0.0) -> Conversation:
        """Note what a person was shown, and when. Of another screen nobody has agreed to anything."""
        if self.asked.get(request_id) == screen_hash:
            return self
        return replaced(
            self,
            asked={**self.asked, request_id: screen_hash},
            asked_at={**self.asked_at, request_id: at},
            votes={other: given for other, given in self.votes.items() if other != request_id},
        )

    def voted(self, request_id: str, vote: Vote) -> Conversation:
        """Note a yes that counts and is not enough."""
        return replaced(self, votes={**self.votes, request_id: (*self.votes.get(request_id, ()), vote)})

    def owing(self, *outcomes: Mapping[str, Any]) -> Conversation:
        """Outcomes that have to be recorded."""
        return self if not outcomes else replaced(self, owed=(*self.owed, *outcomes))

    def paid(self, outcome: Mapping[str, Any]) -> Conversation:
        """An outcome is on record."""
        return replaced(self, owed=tuple(other for other in self.owed if other is not outcome))

    def granted(self, grant: Grant) -> Conversation:
        """Note a grant."""
        return replaced(self, grants=(*self.grants, grant))

    def ungranted(self, grant: Grant) -> Conversation:
        """A person took a grant back, or it came to its end."""
        return replaced(self, grants=tuple(other for other in self.grants if other != grant))

    def grant_used(self, grant: Grant) -> Conversation:
        """A grant covers one call more."""
        used = replace(grant, used=grant.used + 1)
        return replaced(self, grants=tuple(used if one == grant else one for one in self.grants))

    def repeat_unknown(self, request_id: str) -> Conversation:
        """A person decided that a request of unknown outcome shall be tried again."""
        if request_id not in self.begun:
            raise UsageError(f"the outcome of {request_id} is not unknown")
        state = self.not_begun(request_id).again(request_id)
        return replaced(state, doubtful=self.doubtful | {request_id})

    def again(self, request_id: str) -> Conversation:
        """The next decision on this request is a further attempt."""
        return replaced(self, repeats={**self.repeats, request_id: self.repeats.get(request_id, 0) + 1})

    def give_up_unknown(self, request_id: str, reason: str) -> Conversation:
        """A person decided that a request of unknown outcome shall not be repeated; the model is told."""
        if request_id not in self.begun:
            raise UsageError(f"the outcome of {request_id} is not unknown")
        if request_id in self.approved:
            return self.withdraw(request_id, reason)
        if any(isinstance(call, ApprovalRequest) and call.id == request_id for call in self.pending):
            return self.answer(ApprovalAnswer(request_id=request_id, approve=False, reason=reason))
        return self.answer(FunctionAnswer(request_id=request_id, output=reason))

    def withdraw(self, request_id: str, reason: str) -> Conversation:
        """Turn an unused approval into a denial: sent again, it could execute the call again. The only
        place where something already sent is changed."""
        return transcript.withdraw_approval(self, request_id, reason)

    def without_reasoning(self) -> tuple[Conversation, int]:
        """Stop replaying reasoning (its ciphertext no longer verifies); the count of items dropped."""
        return transcript.drop_reasoning(self, keep_origin=None)

    def at(self, origin: str) -> tuple[Conversation, int]:
        """The conversation for this endpoint and model: reasoning made elsewhere is not replayed."""
        return transcript.drop_reasoning(self, keep_origin=origin)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Requests of unknown outcome."""
        return self.begun

    @property
    def finished(self) -> bool:
        """Whether the model had the last word: only new input can take the conversation further."""
        if self.pending or self.begun or not self.output:
            return False
        return self.entries[-1].item == self.output[-1]

    @property
    def text(self) -> str:
        """The last response's answer."""
        return transcript.final_text(self.output)

    def hosted_calls(self) -> tuple[HostedCall, ...]:
        """The `mcp_call` items of the last response."""
        return transcript.hosted_calls(self.output)
