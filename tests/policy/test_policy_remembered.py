"""What the user wrote is prepared once for all rulings on one state of a conversation."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.adapters.system_clock import SystemClock
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Effect
from mcpbridge.engine.judge import FixedPolicies, Judge
from mcpbridge.policy.said.remembered import Remembered

from .calls import call, policy

RULES = """
  - {id: pays, effect: allow, tools: [local.pay], when: {to: {grounded: user_text}}}
  - {id: writes, effect: allow, tools: [local.write], when: {text: {no_new_links: user_text}}}
"""


class Counted(str):
    """A user's text that counts how often it is looked at whole."""

    looks = 0

    def translate(self, table: Any, /) -> str:
        self.looks += 1
        return super().translate(table)


def said(text: str) -> Conversation:
    return Conversation(id="c", principal="ana", user_texts=(text,))


@pytest.mark.promise("users-words")
def test_several_rulings_prepare_the_users_words_once() -> None:
    text = Counted("pay bob@corp.example")
    judge = Judge(policies=FixedPolicies(policies=(policy(RULES),)), clock=SystemClock())

    def ruled(tool: str, **arguments: object) -> Effect:
        return judge.rule(call(f"local.{tool}", arguments), said(text), known=True).effect

    assert ruled("pay", to="bob@corp.example") is Effect.ALLOW
    assert ruled("pay", to="eve@evil.example") is Effect.ASK
    assert ruled("write", text="I paid bob@corp.example") is Effect.ALLOW
    assert text.looks == 1


@pytest.mark.promise("users-words")
def test_words_of_one_conversation_do_not_count_in_another() -> None:
    judge = Judge(policies=FixedPolicies(policies=(policy(RULES),)), clock=SystemClock())
    asked = call("local.pay", {"to": "bob@corp.example"})
    first = said("pay bob@corp.example")
    assert judge.rule(asked, first, known=True).effect is Effect.ALLOW
    assert judge.rule(asked, said("pay ann@corp.example"), known=True).effect is Effect.ASK
    assert judge.rule(asked, first.say("and thank them"), known=True).effect is Effect.ALLOW


def test_only_the_last_states_are_kept() -> None:
    remembered = Remembered()
    first = remembered.words(("first",))
    assert remembered.words(("first",)) is first
    for number in range(64):
        remembered.words((str(number),))
    assert remembered.words(("first",)) is not first
