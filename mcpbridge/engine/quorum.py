"""Who has to agree to one call, who has, and what an answer changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcpbridge.core.action import Action
from mcpbridge.core.approval import Approval, Vote, agreed, lacking, objection, same_person
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Approve
from mcpbridge.engine.journal import Journal
from mcpbridge.policy import Policy


def needs(action: Action, policies: Sequence[Policy]) -> tuple[Approval, ...]:
    """What all approver rules of the enforced policies ask for; each must be satisfied."""
    found = [
        rule.approval
        for policy in policies
        if not policy.shadow
        for rule in policy.approvers
        if rule.covers(action.name)
    ]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far the agreement on one question has come."""

    needs: tuple[Approval, ...]
    votes: tuple[Vote, ...]
    requester: str
    waited: float
    """Seconds since the question was first put."""

    @property
    def lacking(self) -> tuple[Approval, ...]:
        return lacking(self.needs, self.votes, requester=self.requester, waited=self.waited)

    @property
    def agreed(self) -> tuple[str, ...]:
        """Whose yes counts for something, each once."""
        people = [
            by
            for one in self.needs
            for by in agreed(one, self.votes, requester=self.requester, waited=self.waited)
        ]
        return tuple(dict.fromkeys(people))

    @property
    def may_answer(self) -> tuple[str, ...]:
        """Whose further yes would count; empty: anybody's who is authenticated."""
        open_to = [one.eligible(self.waited) for one in self.lacking]
        if not all(open_to):
            return ()
        names = dict.fromkeys(name for people in open_to for name in people)
        gone = [*self.agreed, *([self.requester] if any(one.not_requester for one in self.lacking) else [])]
        return tuple(name for name in names if not any(same_person(name, other) for other in gone))

    @property
    def escalates_in(self) -> float | None:
        """Seconds until further people may agree; None: nobody comes any more."""
        waits = [one.after - self.waited for one in self.lacking if one.after is not None]
        return min((wait for wait in waits if wait > 0), default=None)

    def objection(self, answer: Approve) -> str | None:
        """Why this yes counts for nothing; None when it does."""
        if any(same_person(answer.by, vote.by) for vote in self.votes) and answer.authenticated is True:
            return f"{answer.by} has agreed already, and counts once"
        return objection(
            self.lacking,
            by=answer.by,
            authenticated=answer.authenticated,
            requester=self.requester,
            waited=self.waited,
        )


def standing(question: Question, conversation: Conversation, *, waited: float) -> Standing:
    """What holds for the screen that a question shows now: a yes to another screen is none."""
    given = conversation.votes.get(question.action.request_id, ())
    return Standing(
        needs=question.needs,
        votes=tuple(vote for vote in given if vote.screen_hash == question.screen_hash),
        requester=conversation.principal,
        waited=waited,
    )


async def count(
    answer: Approve,
    question: Question,
    conversation: Conversation,
    *,
    waited: float,
    now: float,
    journal: Journal,
) -> tuple[Conversation, str | None]:
    """The conversation with this yes, on record first; or why it counts for nothing."""
    why_not = standing(question, conversation, waited=waited).objection(answer)
    await journal.approval_given(conversation, question, answer, why_not)
    if why_not is not None:
        return conversation, why_not
    vote = Vote(
        by=answer.by,
        screen_hash=question.screen_hash,
        at=now,
        reason=answer.reason,
        always=answer.always is True,
        ttl=answer.ttl,
        uses=answer.uses,
    )
    return conversation.voted(question.action.request_id, vote), None


def together(votes: Sequence[Vote], people: Sequence[str]) -> Approve:
    """One answer that stands for all: "always" only where everybody said so, and the least of it."""
    return Approve(
        by=", ".join(people),
        reason="; ".join(vote.reason for vote in votes if vote.reason),
        always=all(vote.always for vote in votes),
        ttl=min((vote.ttl for vote in votes if vote.ttl is not None), default=None),
        uses=min((vote.uses for vote in votes if vote.uses is not None), default=None),
        authenticated=True,
    )
