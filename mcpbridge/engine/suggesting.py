"""After three like prompts the person is offered a rule to take away (POLICY, semantics 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.decisions import Decided
from mcpbridge.core.ruling import Outcome, Ruling
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.engine.events import Event, Notice
from mcpbridge.engine.judge import FixedPolicies, Judge
from mcpbridge.policy import Policy
from mcpbridge.policy.suggest import LIKE, Suggestion, suggest


def offer(conversation: Conversation, action: Action, judge: Judge) -> list[Event]:
    """A tested rule, once a person has allowed this tool three times in this conversation. Never applied."""
    allowed = [
        one
        for one in conversation.decisions
        if (one.server_label, one.tool, one.outcome)
        == (action.server_label, action.tool, Outcome.HUMAN_ALLOW)
    ]
    if len(allowed) < LIKE:
        return []
    found = _suggested(allowed[-LIKE:], action, conversation, judge)
    if found is None or _suggested(allowed[-LIKE - 1 : -1], action, conversation, judge) is not None:
        return []  # nothing to say, or said before
    message = f"you allowed {action.name} {LIKE} times; a rule `{found.rule_id}` would allow just such calls"
    return [Notice(type="rule_suggested", message=message, fields={"policy": found.file, "diff": found.diff})]


def _suggested(
    allowed: Sequence[Decided], action: Action, conversation: Conversation, judge: Judge
) -> Suggestion | None:
    if len(allowed) < LIKE:
        return None

    def rules(call: Action, policies: Sequence[Policy]) -> Ruling:
        alone = replace(judge, policies=FixedPolicies(policies=tuple(policies)), freeze=None)
        return alone.rule(call, conversation, known=True)

    try:
        calls = [_again(action, one) for one in allowed]
    except MalformedArguments:
        return None
    return suggest(calls, judge.policies.current(), conversation.user_texts, rules)


def _again(action: Action, made: Decided) -> Action:
    return replace(
        action,
        request_id=made.request_id,
        arguments=parse_arguments(made.arguments),
        raw_arguments=made.arguments,
        malformed=None,
    )
