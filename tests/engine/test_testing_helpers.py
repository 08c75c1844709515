"""The helpers that users test with say what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mcpbridge.core.ruling import Outcome
from mcpbridge.testing import (
    FixedClock,
    assert_allowed,
    assert_denied,
    function_call,
    message,
    numbered,
    response,
)
from tests.engine.scene import Scene, Tool, policy, said

DENIED = (
    Scene(steps=[response(function_call("add")), response(message("ok"))], policy=policy()).run().conversation
)
ALLOWED = (
    Scene(
        steps=[response(function_call("add")), response(message("ok"))],
        policy=policy(allow="local.add"),
        tools=[Tool(name="add")],
    )
    .run()
    .conversation
)


def test_an_assertion_gives_the_decision_back() -> None:
    assert assert_denied(DENIED, "local.add", outcome=Outcome.UNKNOWN_TOOL).request_id == "call_add"
    assert assert_allowed(ALLOWED, "local.add", outcome="policy_allow").arguments == "{}"


def test_an_assertion_says_what_was_decided_instead() -> None:
    with pytest.raises(AssertionError, match=r"was denied \(unknown_tool\)"):
        assert_allowed(DENIED, "local.add")
    with pytest.raises(AssertionError, match=r"was allowed \(policy_allow\)"):
        assert_denied(ALLOWED, "local.add")
    with pytest.raises(AssertionError, match="decided as policy_allow, not human_allow"):
        assert_allowed(ALLOWED, "local.add", outcome="human_allow")
    with pytest.raises(AssertionError, match=r"nothing was decided about local.x; decided: local.add"):
        assert_denied(DENIED, "local.x")


def test_a_script_that_is_too_short_is_named() -> None:
    scene = Scene(steps=[response(function_call("add"))])
    with pytest.raises(AssertionError, match="1 steps"):
        scene.run()
    assert scene.model.remaining == -1


def test_a_model_that_was_not_asked_gave_no_answer() -> None:
    assert Scene().model.answers("mcpr_1") == []


def test_missing_ids_are_numbered_and_given_ones_stay() -> None:
    body = numbered(response(message("a"), message("b", id="mine"), {"type": "new"}), 3)
    assert body["id"] == "resp_3"
    assert [item.get("id") for item in body["output"]] == ["msg_3_1", "mine", None]
    assert numbered({"status": "failed"}, 1) == {"status": "failed"}


def test_the_clock_stands_still_and_ids_count_up() -> None:
    clock = FixedClock(datetime(2030, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2030, 1, 1, tzinfo=UTC)
    assert [clock.new_id("run"), clock.new_id("conv"), clock.new_id("run")] == ["run_1", "conv_1", "run_2"]
    assert said().id == "conv_1"
