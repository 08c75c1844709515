"""`no_new_links: user_text`: free text without a link, address or account number of the model's own.

Links that the user wrote may be repeated, letter by letter and whole. Doubt is "there is one".
"""

from __future__ import annotations

from mcpbridge.policy.matchers.grounded import USER_TEXT
from mcpbridge.policy.matchers.values import TEXT, BadOperand
from mcpbridge.policy.model import Facts, Matcher, Truth
from mcpbridge.policy.said.links import disguised, links_in, numbers_in

_MAX = 100_000
"""Characters; nobody reviews a longer text."""


def no_new_links(operand: object) -> Matcher:
    if operand != USER_TEXT:
        raise BadOperand("takes user_text, the one text that counts")
    return Matcher(
        name="no_new_links",
        operand=operand,
        text="has no link, address or account number that the user did not write",
        kinds=TEXT,
        decide=_decide,
    )


def _decide(value: object, facts: Facts) -> Truth:
    if type(value) is not str or len(value) > _MAX:
        return None
    if disguised(value):
        return False
    links, numbers = links_in(value), numbers_in(value)
    if not links and not numbers:
        return True
    if not facts.user_texts:
        return None
    words = facts.words
    return words.hold_numbers(numbers) and all(words.hold_link(link) for link in links)
