"""Limits that bind, each in its own way, raise nothing; and which of two equal ones is told."""

from __future__ import annotations

import pytest

from mcpbridge.policy import load_policy
from mcpbridge.policy.lint import lint


def idle(*limits: str) -> list[int]:
    """The places, from 0, of the limits that never bind."""
    head = "version: 1\ndefaults: {decision: ask}\nlimits:\n"
    made = load_policy(head + "".join(f"  - {one}\n" for one in limits), file="p.yaml")
    return [one.line - 4 for one in lint(made)]


@pytest.mark.parametrize(
    "limits",
    [
        ("{tools: ['mail.*'], calls: 3, per: 1h}", "{tools: ['shop.*'], calls: 2, per: 1h}"),
        ("{tools: [mail.send], calls: 5, per: 1m}", "{tools: [mail.send], calls: 20, per: 1h}"),
        ("{tools: [mail.send], calls: 5, per: conversation}", "{tools: [mail.send], calls: 2, per: 1m}"),
        ("{tools: ['mail.*'], calls: 5, per: 1h}", "{tools: [mail.send], calls: 3, per: 1h}"),
        ("{tools: ['*'], calls: 5, per: [tool, 1h]}", "{tools: ['*'], calls: 9, per: 1h}"),
    ],
)
def test_limits_that_bind_at_different_times_raise_nothing(limits: tuple[str, ...]) -> None:
    assert idle(*limits) == []


def test_of_two_equal_limits_the_second_is_told() -> None:
    one = "{tools: [mail.send], calls: 5, per: 1h}"
    assert idle(one, one) == [1]
