"""What may have happened is said to be unknown, and is never repeated by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Approve, Deny
from mcpbridge.core.state import dumps, loads
from mcpbridge.engine.events import ApprovalAsked, Notice
from mcpbridge.errors import (
    AlreadyDecided,
    AuditUnavailable,
    McpbridgeError,
    ModelError,
    ModelUnavailable,
    OutcomeUnknown,
    ResponseNotCompleted,
    UnapprovedCall,
)
from mcpbridge.ports import CallContext
from mcpbridge.testing import (
    MemoryAudit,
    Step,
    approval_request,
    function_call,
    mcp_call,
    mcp_list_tools,
    message,
    reasoning,
    response,
)
from tests.engine.scene import FailingAudit, Run, Scene, Tool, policy

END = response(message("ok"))
ASK = response(approval_request("files", "write", {"path": "a"}))
RAN = response(mcp_call("files", "write", {"path": "a"}, output="written"), message("ok"))


def scene(*steps: Step, **options: Any) -> Scene:
    return Scene(steps=steps, policy=policy(allow="files.*, local.*"), **options)


def failure(run: Callable[[], Run], kind: type[McpbridgeError]) -> Any:
    with pytest.raises(kind) as caught:
        run()
    assert caught.value.conversation is not None
    return caught.value


def lost(*later: Step) -> tuple[Scene, Conversation]:
    """The answer to a request with a live approval never came; the conversation was saved."""
    here = scene(ASK, OutcomeUnknown("the connection broke"), *later)
    error = failure(here.run, OutcomeUnknown)
    assert error.request_ids == error.conversation.unknown == ("mcpr_write",)
    return here, loads(dumps(error.conversation))


def test_a_lost_answer_is_unknown_on_record() -> None:
    here, _ = lost()
    (record,) = here.records("outcome_unknown")
    assert (record["request_id"], record["status"]) == ("mcpr_write", "unknown")
    assert (record["server_label"], record["tool"]) == ("files", "write")


def test_an_unknown_outcome_is_not_repeated_by_itself() -> None:
    here, saved = lost(RAN)
    error = failure(lambda: here.run(saved), OutcomeUnknown)
    assert error.request_ids == ("mcpr_write",)
    assert here.model.remaining == 1


@pytest.mark.promise("unknown-decided")
def test_a_person_may_repeat_it() -> None:
    here, saved = lost(RAN)
    done = here.run(saved, answers={"mcpr_write": Approve(by="bo")})
    assert here.model.answers("mcpr_write") == [True]
    assert done.conversation.text == "ok"
    assert [record["outcome"] for record in here.records("recovery")] == ["repeated"]


@pytest.mark.promise("unknown-decided")
@pytest.mark.parametrize("reason", ["", "it is in the tracker"])
def test_a_person_may_give_it_up_and_the_model_is_told(reason: str) -> None:
    here, saved = lost(END)
    here.run(saved, answers={"mcpr_write": Deny(by="bo", reason=reason)})
    assert here.model.answers("mcpr_write") == [False]
    assert (reason or "a person decided") in here.model.requests[-1][-1]["reason"]
    assert [record["outcome"] for record in here.records("recovery")] == ["given_up"]


@pytest.mark.promise("first-wins")
def test_a_copy_cannot_repeat_it_again() -> None:
    here, saved = lost(RAN, RAN)
    here.run(saved, answers={"mcpr_write": Approve()})
    failure(lambda: here.run(saved, answers={"mcpr_write": Approve()}), AlreadyDecided)
    assert len(here.model.requests) == 3


@pytest.mark.promise("first-wins")
def test_of_two_copies_with_an_approval_that_was_never_sent_only_one_sends_it() -> None:
    here = scene(ASK, ModelUnavailable("429"), RAN, RAN)
    saved = loads(dumps(failure(here.run, ModelUnavailable).conversation))
    here.run(saved)
    failure(lambda: here.run(saved), AlreadyDecided)
    assert len(here.model.requests) == 3


@pytest.mark.promise("first-wins")
def test_a_copy_taken_before_an_approval_was_sent_cannot_send_it_too() -> None:
    here = scene(ASK, RAN, RAN)
    saved: list[str] = []

    async def keep(conversation: Conversation) -> None:
        if conversation.approved and not conversation.begun:
            saved.append(dumps(conversation))

    here.run(checkpoint=keep)
    failure(lambda: here.run(loads(saved[0])), AlreadyDecided)
    assert len(here.model.requests) == 2


def test_giving_it_up_in_a_copy_sends_a_denial_and_nothing_else() -> None:
    here, saved = lost(RAN, END)
    here.run(saved, answers={"mcpr_write": Approve()})
    here.run(saved, answers={"mcpr_write": Deny()})
    assert here.model.answers("mcpr_write") == [False]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (response(status="failed", error={"message": "boom"}), OutcomeUnknown),
        ((), OutcomeUnknown),
        (response(mcp_call("files", "write", {"path": "b"})), UnapprovedCall),
    ],
)
def test_whatever_ends_a_live_request_badly_leaves_it_unknown(step: Step, kind: type[McpbridgeError]) -> None:
    here = scene(ASK, step)
    error = failure(here.run, kind)
    assert error.conversation.unknown == ("mcpr_write",)
    assert [record["request_id"] for record in here.records("outcome_unknown")] == ["mcpr_write"]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (response(status="failed"), ResponseNotCompleted),
        ((), ModelError),
        (OutcomeUnknown("broken"), OutcomeUnknown),
        (ModelUnavailable("429"), ModelUnavailable),
    ],
)
def test_without_a_live_approval_nothing_is_unknown_and_the_next_try_may_go_on(
    step: Step, kind: type[McpbridgeError]
) -> None:
    here = scene(step, END)
    error = failure(here.run, kind)
    assert error.conversation.unknown == ()
    assert here.run(error.conversation).conversation.text == "ok"


def test_a_request_that_provably_did_nothing_leaves_its_approval_live() -> None:
    here = scene(ASK, ModelUnavailable("429"), RAN)
    error = failure(here.run, ModelUnavailable)
    assert error.conversation.unknown == ()
    assert tuple(error.conversation.approved) == ("mcpr_write",)
    assert here.run(error.conversation).conversation.text == "ok"
    assert len(here.records("decision")) == 1


def test_an_approval_used_for_nothing_we_were_told_of_is_on_record() -> None:
    here = scene(ASK, END)
    (notice,) = [event for event in here.run().of(Notice) if event.type == "unreported"]
    assert notice.fields == {"request_id": "mcpr_write"}
    assert len(here.records("outcome_unknown")) == 1


def test_a_refused_response_is_on_record_with_the_calls_it_reports() -> None:
    here = scene(response(mcp_call("files", "write", approval_request_id=None)))
    error = failure(here.run, UnapprovedCall)
    (record,) = here.records("tripwire")
    assert record["error"] == "UnapprovedCall"
    assert record["reported_calls"][0]["name"] == "write"
    assert error.conversation.output == ()


def test_a_refused_response_without_items_is_on_record_too() -> None:
    here = scene({"status": "completed", "output": None})
    failure(here.run, McpbridgeError)
    assert here.records("tripwire")[0]["reported_calls"] == []


def dead(tool: Tool) -> tuple[Scene, Conversation]:
    """The process ended while `tool` ran: the last checkpoint says that it had begun."""
    here = scene(response(function_call(tool.name)), END, END, tools=[tool])
    states: list[str] = []

    async def keep(conversation: Conversation) -> None:
        states.append(dumps(conversation))

    here.run(checkpoint=keep)
    begun = [state for state in states if loads(state).begun and loads(state).decisions]
    return here, loads(begun[-1])


def test_a_function_that_had_begun_is_not_run_again_by_itself() -> None:
    tool = Tool(name="go")
    here, saved = dead(tool)
    assert failure(lambda: here.run(saved), OutcomeUnknown).request_ids == ("call_go",)
    assert len(tool.calls) == 1


def test_a_person_gives_the_function_up() -> None:
    tool = Tool(name="go")
    here, saved = dead(tool)
    done = here.run(saved, answers={"call_go": Deny(reason="it is there already")})
    assert len(tool.calls) == 1
    assert "it is there already" in done.outputs["call_go"]


def test_a_person_repeats_the_function_and_it_meets_the_policy_again() -> None:
    tool = Tool(name="go")
    here, saved = dead(tool)
    here.policy = policy(deny="local.go")
    done = here.run(saved, answers={"call_go": Approve()})
    assert len(tool.calls) == 1
    assert "because-deny" in done.outputs["call_go"]


EARLIER = "It is not known whether an earlier attempt at this call took effect."


@pytest.mark.promise("unknown-decided")
def test_a_further_attempt_that_is_denied_is_not_told_as_one_that_never_ran() -> None:
    tool = Tool(name="go")
    here, saved = dead(tool)
    here.policy = policy(ask="local.go")
    asked = here.run(saved, answers={"call_go": Approve()})
    (open_,) = asked.of(ApprovalAsked)
    assert "ATTENTION  an earlier attempt at this call may have taken effect" in open_.question.screen
    later = loads(dumps(asked.conversation))
    done = here.run(later, answers={"call_go": Deny(reason="it ran")})
    assert done.outputs["call_go"] == f"{EARLIER} This one was denied and did not run. Reason: it ran"
    assert len(tool.calls) == 1


@pytest.mark.promise("unknown-decided")
def test_a_further_hosted_attempt_that_is_denied_says_so_too() -> None:
    here, saved = lost(END)
    here.policy = policy(deny="files.write")
    here.run(saved, answers={"mcpr_write": Approve()})
    assert here.model.answers("mcpr_write") == [False]
    assert here.model.requests[-1][-1]["reason"].startswith(f"{EARLIER} This one was denied: ")


def test_a_further_attempt_that_fails_says_so_too() -> None:
    tool = Tool(name="go")
    here, saved = dead(tool)

    async def refuses(arguments: Any, context: CallContext) -> str:
        raise ValueError("nothing was done")

    tool.body = refuses
    done = here.run(saved, answers={"call_go": Approve()})
    assert done.outputs["call_go"].startswith(f"{EARLIER} Of this one: ")


@pytest.mark.parametrize("idempotent", [True, False])
def test_only_an_idempotent_function_runs_again_by_itself(idempotent: bool) -> None:
    tool = Tool(name="go", idempotent=idempotent)
    here, saved = dead(tool)
    if idempotent:
        here.run(saved)
    else:
        failure(lambda: here.run(saved), OutcomeUnknown)
    assert len(tool.calls) == 1 + idempotent


MIXED = response(
    mcp_list_tools("files", "write"),
    reasoning(),
    approval_request("files", "write", {"path": "a"}),
    function_call("one"),
    function_call("two"),
    {"type": "web_search_call", "id": "ws_1"},
)


class Service:
    """Executes what is approved and not yet reported, and counts it."""

    def __init__(self) -> None:
        self.executed = 0
        self.number = 0

    def reply(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        kinds = [item["type"] for item in items]
        self.number += 1
        if "mcp_approval_request" not in kinds:
            return MIXED
        if "mcp_call" in kinds or not any(item.get("approve") is True for item in items):
            return response(message("ok", id=f"msg_last_{self.number}"))
        self.executed += 1
        return RAN


def counted(service: Service, sink: Any, audit: MemoryAudit, tools: list[Tool]) -> Scene:
    return scene(*[service.reply] * 4, sink=sink, audit=audit, tools=tools, ungated=frozenset({"web_search"}))


def appends() -> int:
    sink = FailingAudit(inner=MemoryAudit(), fail_at=0)
    counted(Service(), sink, sink.inner, [Tool(name="one"), Tool(name="two")]).run()
    return sink.count


@pytest.mark.promise("record-first")
@pytest.mark.parametrize("maybe_written", [False, True])
@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize("fail_at", range(1, appends() + 1))
def test_nothing_is_sent_or_run_without_its_record_wherever_the_log_fails(
    fail_at: int, checkpointed: bool, maybe_written: bool
) -> None:
    audit, tools, service = MemoryAudit(), [Tool(name="one"), Tool(name="two")], Service()
    here = counted(
        service, FailingAudit(inner=audit, fail_at=fail_at, maybe_written=maybe_written), audit, tools
    )

    async def keep(conversation: Conversation) -> None:
        dumps(conversation)

    error = failure(lambda: here.run(checkpoint=keep if checkpointed else None), AuditUnavailable)
    decided = {record["request_id"] for record in audit.records if record["type"] == "decision"}
    assert {f"call_{tool.name}" for tool in tools if tool.calls} <= decided
    assert not service.executed or "mcpr_write" in decided
    # The disk has room again: what is open is decided, and what is unknown is given up.
    state = loads(dumps(error.conversation))
    later = counted(service, None, audit, tools)
    done = later.run(state, answers={request_id: Deny() for request_id in state.unknown})
    assert done.conversation.text == "ok"
    assert service.executed <= 1
    assert all(len(tool.calls) <= 1 for tool in tools)
