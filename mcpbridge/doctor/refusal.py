"""A request that failed: was it refused, or did something else go wrong?"""

from __future__ import annotations

from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.verdict import Verdict, finding, unknown

_SAYS_NO = (400, 404, 405, 413, 415, 422, 501)
"""Statuses by which a service says that it does not do this. 5xx, 429 and silence say nothing about it."""


def refused(answer: Answer) -> bool:
    """Whether the endpoint said no to the request itself."""
    return bool(answer.problem) and answer.status in _SAYS_NO


def refusal(sent: str, answer: Answer, means: str) -> Verdict:
    """A finding where it was refused; else nothing is known."""
    if refused(answer):
        return finding(sent, answer.problem, means)
    return unknown(sent, answer.problem, "the request failed")
