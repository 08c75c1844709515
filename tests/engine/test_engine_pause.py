"""A run that needs somebody pauses; it goes on by the rules of the later day, once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import HostedServer
from mcpbridge.core.ruling import Approve, Deny
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import Finished
from mcpbridge.errors import AlreadyDecided, UsageError
from mcpbridge.testing import (
    approval_request,
    assert_allowed,
    assert_denied,
    function_call,
    mcp_call,
    message,
    response,
)
from tests.engine.scene import Scene, Tool, policy

END = response(message("ok"))


def paused(tool: Tool | None = None) -> tuple[Scene, Conversation]:
    """files.write waits for a person; the conversation was saved and read again."""
    asked = [approval_request("files", "write", {"path": "a"})]
    scene = Scene(
        steps=[response(*asked, *([function_call(tool.name)] if tool else [])), END, END],
        policy=policy(ask="files.write, local.ask", allow="local.go, files.read"),
        tools=[tool] if tool else [],
    )
    run = scene.run()
    assert run.of(Finished)[0].status == "paused"
    return scene, loads(dumps(run.conversation))


def test_a_person_says_yes_later() -> None:
    scene, saved = paused()
    done = scene.run(saved, answers={"mcpr_write": Approve(by="bo", authenticated=True)})
    assert_allowed(done.conversation, "files.write", outcome="human_allow")
    assert scene.model.answers("mcpr_write") == [True]
    assert scene.records("decision")[0]["authenticated"] is True


@pytest.mark.parametrize("answer", [Approve(by="bo"), Deny(by="bo")])
def test_a_decision_of_later_says_when_it_was_asked_first(answer: Approve | Deny) -> None:
    scene, saved = paused()
    scene.run(saved, answers={"mcpr_write": answer})
    [record] = scene.records("decision")
    first = datetime.fromtimestamp(saved.asked_at["mcpr_write"], UTC).isoformat()
    assert (record["mode"], record["asked_at"], record["shown_at"]) == ("resumed", first, first)


def test_a_person_says_no_later_and_the_model_hears_why() -> None:
    scene, saved = paused()
    done = scene.run(saved, answers={"mcpr_write": Deny(by="bo", reason="no")})
    assert_denied(done.conversation, "files.write", outcome="human_deny")
    assert scene.model.requests[-1][-1]["reason"] == "no"


def test_without_an_answer_it_stays_paused_and_is_asked_on_record_once() -> None:
    scene, saved = paused()
    again = scene.run(saved)
    assert again.of(Finished)[0].status == "paused"
    assert len(again.of(Finished)[0].questions) == 1
    assert len(scene.records("question_asked")) == 1
    assert len(scene.model.requests) == 1


def test_what_may_run_runs_while_a_person_is_awaited() -> None:
    tool = Tool(name="go")
    scene, saved = paused(tool)
    assert len(tool.calls) == 1
    scene.run(saved, answers={"mcpr_write": Approve()})
    assert len(tool.calls) == 1


def test_a_partly_answered_conversation_stays_paused() -> None:
    tool = Tool(name="ask")
    scene, saved = paused(tool)
    half = scene.run(saved, answers={"call_ask": Approve()})
    assert half.of(Finished)[0].status == "paused"
    assert len(tool.calls) == 1
    scene.run(loads(dumps(half.conversation)), answers={"mcpr_write": Approve()})
    assert len(tool.calls) == 1
    assert scene.model.answers("mcpr_write") == [True]


def test_a_hosted_call_that_rules_allow_waits_with_the_question() -> None:
    scene = Scene(
        steps=[response(approval_request("files", "read"), approval_request("files", "write")), END],
        policy=policy(ask="files.write", allow="files.read"),
    )
    first = scene.run().conversation
    assert [call.id for call in first.pending] == ["mcpr_read", "mcpr_write"]
    assert first.decisions == ()
    scene.policy = policy(ask="files.write", deny="files.read")
    done = scene.run(first, answers={"mcpr_write": Approve()}).conversation
    assert_denied(done, "files.read", outcome="policy_deny")
    assert scene.model.answers("mcpr_write") == [True]


def test_an_answer_to_another_screen_is_none() -> None:
    scene, saved = paused()
    rules = policy(ask="files.*, local.other")
    scene.policy = rules
    saved_rules = scene.run(saved).conversation  # the same rule, the same words: the same screen
    assert saved_rules.asked == saved.asked
    scene.policy = policy(default="ask")
    still = scene.run(saved, answers={"mcpr_write": Approve()})
    assert still.of(Finished)[0].status == "paused"
    assert len(scene.records("question_asked")) == 2
    done = scene.run(still.conversation, answers={"mcpr_write": Approve()})
    assert_allowed(done.conversation, "files.write", outcome="human_allow")


def test_an_answer_that_nobody_was_asked_for_is_none() -> None:
    scene = Scene(steps=[response(approval_request("files", "write"))], policy=policy(ask="files.write"))
    run = scene.run(answers={"mcpr_write": Approve()})
    assert run.of(Finished)[0].status == "paused"


def test_a_denial_by_todays_policy_wins_over_a_persons_yes() -> None:
    scene, saved = paused()
    scene.policy = policy(deny="files.write")
    done = scene.run(saved, answers={"mcpr_write": Approve()})
    assert_denied(done.conversation, "files.write", outcome="policy_deny")
    assert scene.model.answers("mcpr_write") == [False]


def test_a_persons_no_wins_over_what_todays_policy_allows() -> None:
    scene, saved = paused()
    scene.policy = policy(allow="files.write")
    done = scene.run(saved, answers={"mcpr_write": Deny()})
    assert_denied(done.conversation, "files.write", outcome="human_deny")


@pytest.mark.promise("first-wins")
@pytest.mark.parametrize("answer", [Approve(), Deny()])
@pytest.mark.parametrize("copied", [True, False])
def test_a_copy_cannot_decide_again(answer: Approve | Deny, copied: bool) -> None:
    """Saved and read twice, or the very same value used twice in one process."""
    tool = Tool(name="ask")
    scene = Scene(
        steps=[response(function_call("ask")), END, END], policy=policy(ask="local.ask"), tools=[tool]
    )
    first = scene.run().conversation
    old = dumps(first)
    scene.run(loads(old) if copied else first, answers={"call_ask": answer})
    with pytest.raises(AlreadyDecided) as caught:
        scene.run(loads(old) if copied else first, answers={"call_ask": Approve()})
    assert caught.value.request_id == "call_ask"
    assert len(tool.calls) == isinstance(answer, Approve)
    assert len(scene.model.requests) == 2


def test_a_conversation_goes_on_only_with_the_servers_it_began_with() -> None:
    scene, saved = paused()
    for servers in ([], [HostedServer(label="files", identity="https://evil.test/mcp")]):
        scene.servers = servers
        with pytest.raises(UsageError, match="files"):
            scene.run(saved, answers={"mcpr_write": Approve()})
    assert scene.records("decision") == []


def test_a_function_that_was_allowed_and_never_began_is_decided_anew() -> None:
    """The process ended between the decision and the run; the rules are stricter now."""
    tool = Tool(name="go")
    scene = Scene(steps=[response(function_call("go")), END], policy=policy(allow="local.go"), tools=[tool])
    states: list[str] = []

    async def keep(conversation: Conversation) -> None:
        states.append(dumps(conversation))

    scene.run(checkpoint=keep)
    between = [s for s in states if (c := loads(s)).decisions and c.pending and not c.begun]
    assert between
    assert len(tool.calls) == 1
    with pytest.raises(AlreadyDecided):
        scene.run(loads(between[0]))
    assert len(tool.calls) == 1


def test_the_pause_survives_the_call_that_ran(  # the hosted call runs in the follow-up, once
) -> None:
    scene = Scene(
        steps=[
            response(approval_request("files", "write")),
            response(mcp_call("files", "write", output="x"), message("ok")),
        ],
        policy=policy(ask="files.write"),
    )
    first = loads(dumps(scene.run().conversation))
    done = scene.run(first, answers={"mcpr_write": Approve()}).conversation
    assert done.approved == {}
    assert done.text == "ok"
