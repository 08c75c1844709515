"""`grounded: user_text`: the value stands in what the user wrote in this conversation, whole.

Texts and numbers. It says that the user mentioned the value, not that they wanted this done with it.
"""

from __future__ import annotations

from typing import cast

from mcpbridge.core.number import InexactFloat, exactly
from mcpbridge.policy.matchers.values import BadOperand, is_number
from mcpbridge.policy.model import Facts, Matcher, Truth

USER_TEXT = "user_text"


def grounded(operand: object) -> Matcher:
    if operand != USER_TEXT:
        raise BadOperand("takes user_text, the one text that counts")
    return Matcher(
        name="grounded",
        operand=operand,
        text="occurs in what the user wrote",
        kinds=frozenset({"string", "number"}),
        decide=_decide,
    )


def _decide(value: object, facts: Facts) -> Truth:
    if type(value) is str:
        return facts.words.hold(value)
    if is_number(value) and not isinstance(value, InexactFloat):
        return facts.words.hold_number(exactly(cast("float", value)))
    return None
