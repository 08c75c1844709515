"""Limits hold under parallel calls, over pauses, copies and conversations; what never ran is given back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.audit import AuditLog
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.quota import Quota, QuotaFull
from mcpbridge.core.ruling import Approve
from mcpbridge.core.secret import Mask
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import Finished
from mcpbridge.policy import Policy, load_policy
from mcpbridge.ports import Record
from mcpbridge.testing import FixedClock, MemoryAudit, approval_request, function_call, message, response
from tests.engine.scene import Asked, FailingAudit, Run, Scene, Tool


def limited(*limits: str, effect: str = "allow", tools: str = "local.go, files.write") -> Policy:
    lines = [
        "version: 1",
        "defaults: {decision: deny}",
        f"rules: [{{id: r, effect: {effect}, tools: [{tools}]}}]",
        f"limits: [{', '.join(limits)}]",
    ]
    return load_policy("\n".join(lines), file="test.yaml")


FEW = "{tools: [local.go], calls: 2, per: conversation}"
HOURLY = '{tools: ["*"], calls: 2, per: 1h}'


def going(
    count: int, policy: Policy, *, name: str = "", audit: MemoryAudit | None = None, **options: Any
) -> Scene:
    """A scene in which the model asks for `count` calls in one response."""
    calls = [
        function_call("go", {"n": place}, call_id=f"call_{name}{place}", id=f"fc_{name}{place}")
        for place in range(count)
    ]
    steps = [response(*calls), response(message("ok", id=f"msg_{name}"))]
    own = MemoryAudit(clock=FixedClock()) if audit is None else audit
    return Scene(steps=steps, policy=policy, tools=[Tool(name="go")], audit=own, **options)


def outcomes(run: Run) -> list[str]:
    return [one.outcome for one in run.conversation.decisions]


@pytest.mark.promise("limit-before")
def test_parallel_calls_of_one_response_are_counted_one_by_one() -> None:
    scene = going(4, limited(FEW))
    run = scene.run()
    assert outcomes(run) == ["policy_allow", "policy_allow", "limit", "limit"]
    assert "local.go: at most 2 calls per conversation" in run.outputs["call_3"]
    assert len(scene.tools[0].calls) == 2


@pytest.mark.promise("limit-kept")
def test_a_limit_per_conversation_outlives_saving_and_not_the_conversation() -> None:
    first = going(2, limited(FEW))
    saved = loads(dumps(first.run().conversation)).say("more")
    again = going(1, limited(FEW), name="b", audit=first.audit).run(saved)
    other = Conversation(id="conv_2", principal="ana").say("Go")
    elsewhere = going(1, limited(FEW), name="c", audit=first.audit).run(other)
    assert (outcomes(again)[-1], outcomes(elsewhere)[-1]) == ("limit", "policy_allow")


def test_a_limit_per_hour_counts_all_conversations_and_says_when_it_frees() -> None:
    first = going(2, limited(HOURLY))
    first.run()
    clock = FixedClock(FixedClock().now() + timedelta(minutes=59))
    other = Conversation(id="conv_2", principal="bo").say("Go")
    denied = going(1, limited(HOURLY), name="b", audit=first.audit, clock=clock).run(other)
    assert denied.conversation.decisions[-1].reason.endswith("the next is possible at 2026-01-01T01:00:00Z.")
    clock = FixedClock(FixedClock().now() + timedelta(minutes=60))
    freed = going(1, limited(HOURLY), name="c", audit=first.audit, clock=clock).run(other)
    assert (outcomes(denied), outcomes(freed)) == (["limit"], ["policy_allow"])


def test_principals_are_counted_apart() -> None:
    policy = limited("{tools: [local.go], calls: 1, per: [principal, 1h]}")
    first = going(2, policy)
    assert outcomes(first.run()) == ["policy_allow", "limit"]
    bo = Conversation(id="conv_2", principal="bo").say("Go")
    assert outcomes(going(1, policy, name="b", audit=first.audit).run(bo)) == ["policy_allow"]


def test_nobody_is_asked_about_what_a_limit_forbids() -> None:
    asked = Asked(answer=Approve(by="bo"))
    scene = going(3, limited(FEW, effect="ask"), approver=asked)
    assert outcomes(scene.run()) == ["human_allow", "human_allow", "limit"]
    assert len(asked.questions) == 2


def test_denied_calls_do_not_count() -> None:
    scene = going(2, limited(FEW, effect="deny"))
    run = scene.run()
    again = going(2, limited(FEW), name="b", audit=scene.audit).run(run.conversation.say("more"))
    assert outcomes(again) == ["policy_deny", "policy_deny", "policy_allow", "policy_allow"]


def test_a_yes_that_comes_when_the_limit_is_used_up_runs_nothing() -> None:
    policy = limited('{tools: ["*"], calls: 1, per: 1h}', effect="ask")
    first, second = going(1, policy), going(1, policy, name="b")
    second.audit = first.audit
    other = Conversation(id="conv_2", principal="ana").say("Go")
    one, two = first.run(), second.run(other)
    yes = Approve(by="bo")
    assert outcomes(first.run(one.conversation, answers={"call_0": yes})) == ["human_allow"]
    assert outcomes(second.run(two.conversation, answers={"call_b0": yes})) == ["limit"]


@pytest.mark.promise("limit-effects")
def test_an_approval_that_was_withdrawn_before_it_was_sent_is_given_back() -> None:
    policy = limited("{tools: [files.write], calls: 1, per: conversation}", effect="ask")
    asked = [approval_request("files", "write", {"n": 1}), function_call("go")]
    later = [approval_request("files", "write", {"n": 2}, id="mcpr_2")]
    scene = Scene(steps=[response(*asked), response(*later)], policy=policy, tools=[Tool(name="go")])
    half = scene.run(scene.run().conversation, answers={"mcpr_write": Approve(by="bo")})
    assert outcomes(half) == ["human_allow"]
    scene.policy = limited(
        "{tools: [files.write], calls: 1, per: conversation}", tools="local.go", effect="ask"
    )
    withdrawn = scene.run(half.conversation)
    assert outcomes(withdrawn)[-1] == "policy_deny"
    scene.policy = policy
    done = scene.run(withdrawn.conversation, answers={"call_go": Approve(by="bo")})
    assert done.of(Finished)[0].questions[0].action.request_id == "mcpr_2"


@pytest.mark.promise("limit-uncounted")
def test_a_log_that_cannot_count_denies_what_a_limit_names() -> None:
    scene = going(1, limited(FEW))
    scene.sink = FailingAudit(inner=scene.audit, fail_at=10_000)
    run = scene.run()
    assert outcomes(run) == ["error"]
    assert "does not count" in run.outputs["call_0"]


def test_a_reloaded_limit_counts_under_the_same_words_only() -> None:
    first = going(2, limited(FEW))
    run = first.run()
    wider = limited("{tools: [local.go], calls: 3, per: conversation}")
    again = going(2, wider, name="b", audit=first.audit).run(run.conversation.say("more"))
    assert outcomes(again)[2:] == ["policy_allow", "limit"]


@dataclass
class Ticking:
    """A clock that is set from outside."""

    now_: datetime

    def now(self) -> datetime:
        return self.now_

    def new_id(self, prefix: str) -> str:
        return prefix


def quota(calls: int, clock: Ticking, window: float = 60.0) -> Quota:
    return Quota(key="k", calls=calls, what="w", window=window, since=clock.now().timestamp() - window)


async def use(log: AuditLog | MemoryAudit, given_quota: Quota, name: str) -> bool:
    try:
        await log.append(Record(type="decision", quotas=(given_quota,), use=name))
    except QuotaFull:
        return False
    return True


@pytest.mark.promise("limit-shared")
@settings(max_examples=15, deadline=None)
@given(
    calls=st.integers(1, 5),
    rounds=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 6), st.integers(0, 2)), min_size=1, max_size=6
    ),
)
def test_two_processes_never_take_more_than_there_is(
    calls: int, rounds: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each log has its own index and shares only the file, as two processes do."""
    clock = Ticking(FixedClock().now())
    folder = tmp_path_factory.mktemp("log")
    taken: list[tuple[str, float]] = []

    async def whole() -> None:
        async with (
            AuditLog.open(folder, mask=Mask(), clock=clock) as one,
            AuditLog.open(folder, mask=Mask(), clock=clock) as two,
        ):
            for number, (seconds, at_once, frees) in enumerate(rounds):
                clock.now_ += timedelta(seconds=seconds)
                now = clock.now().timestamp()
                names = [f"{number}-{place}" for place in range(at_once)]
                logs = [(one, two)[place % 2] for place in range(at_once)]
                won = await asyncio.gather(
                    *(use(log, quota(calls, clock), name) for log, name in zip(logs, names, strict=True))
                )
                counted = [at for _, at in taken if at > now - 60]
                assert sum(won) == min(at_once, max(calls - len(counted), 0))
                taken.extend((name, now) for name, yes in zip(names, won, strict=True) if yes)
                for name, at in taken[:frees]:
                    await two.append(Record(type="recovery", freed=name))
                    taken.remove((name, at))
        async with AuditLog.open(folder, mask=Mask(), clock=clock) as later:
            full = await later.against([quota(calls, clock)])
            counted = [at for _, at in taken if at > clock.now().timestamp() - 60]
            assert (full is not None) == (len(counted) >= calls)

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("limit", "complaint"),
    [
        ("{tools: [local.go], calls: 0, per: 1h}", "write a deny rule"),
        ("{tools: [local.go], calls: true, per: 1h}", "whole number"),
        ("{tools: [local.go], calls: 1, per: tool}", "never free"),
        ("{tools: [local.go], calls: 1, per: [1h, 2h]}", "one duration"),
        ("{tools: [local.go], calls: 1, per: day}", "duration such as 1h"),
        ("{tools: [local.go], calls: 1}", "duration such as 1h"),
        ("{tools: [go], calls: 1, per: 1h}", "has no label"),
        ("{tools: [local.go], calls: 1, per: 1h, each: user}", "unknown key of a limit"),
    ],
)
def test_a_limit_that_says_nothing_is_refused(limit: str, complaint: str) -> None:
    with pytest.raises(Exception, match=complaint):
        limited(limit)


def test_each_kind_of_limit_has_its_words() -> None:
    policy = limited(FEW, HOURLY, "{tools: [local.go], calls: 1, per: [tool, conversation, 90m]}")
    assert [limit.text for limit in policy.limits] == [
        "local.go: at most 2 calls per conversation",
        "*: at most 2 calls per 1h",
        "local.go: at most 1 call per conversation and tool and 90m",
    ]
