"""What the model and the service say on the way is passed on, and what matters is on record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mcpbridge.core.declared import HostedServer
from mcpbridge.engine.events import (
    CallFinished,
    Finished,
    Notice,
    ReasoningDelta,
    ResponseReceived,
    TextDelta,
    ToolsListed,
    WireEvent,
)
from mcpbridge.errors import ModelError, OutcomeUnknown
from mcpbridge.ports import ModelNotice, StreamEvent
from mcpbridge.testing import (
    function_call,
    mcp_call,
    mcp_list_tools,
    message,
    reasoning,
    response,
)
from tests.engine.scene import FILES, SEEN, Scene, Tool, policy, said

END = response(message("ok"))
STALE = ModelError("cannot be verified", status_code=400, code="invalid_encrypted_content")


def streamed(kind: str, **fields: Any) -> StreamEvent:
    return StreamEvent(event={"type": kind, **fields})


def test_deltas_come_before_the_response_and_in_order() -> None:
    run = Scene(
        steps=[
            [
                streamed("response.created"),
                streamed("response.reasoning_summary_text.delta", delta="hm"),
                streamed("response.output_text.delta", delta="o"),
                streamed("response.refusal.delta", delta="k"),
                streamed("response.mcp_call_arguments.delta", delta="{"),
                streamed("response.output_text.delta", delta=None),
                streamed("response.of_tomorrow"),
                END,
            ]
        ]
    ).run()
    kinds = [WireEvent, ReasoningDelta, TextDelta, TextDelta, WireEvent, WireEvent, WireEvent]
    assert [type(event) for event in run.events][:7] == kinds
    assert [event.text for event in run.of(TextDelta)] == ["o", "k"]
    assert [type(event) for event in run.events if not isinstance(event, Notice)][7:] == [
        ResponseReceived,
        Finished,
    ]


def test_what_the_adapter_did_is_an_event_and_on_record() -> None:
    scene = Scene(steps=[[ModelNotice(type="retry", fields={"reason": "429", "attempt": 1}), END]])
    (notice,) = [event for event in scene.run().of(Notice) if event.type == "retry"]
    assert notice.message == "429"
    assert scene.records("retry")[0]["attempt"] == 1


def test_a_listing_is_an_event_and_its_changes_are_named() -> None:
    other = {"name": "write", "input_schema": {"type": "object"}}
    scene = Scene(
        steps=[
            response(mcp_list_tools("files", "read", "write"), message("a")),
            response(mcp_list_tools("files", "read", other), message("b")),
            response(mcp_list_tools("files", error="down"), message("c")),
        ]
    )
    first = scene.run()
    second = scene.run(first.conversation.say("again"))
    third = scene.run(second.conversation.say("again"))
    assert first.of(ToolsListed) == [ToolsListed(server_label="files", tools=("read", "write"))]
    assert second.of(ToolsListed)[0].changed == ("write",)
    assert third.of(ToolsListed)[0].error == "down"
    assert third.of(ToolsListed)[0].changed == ()
    assert len(scene.records("tools_listed")) == 2
    (changed,) = scene.records("tools_changed")
    assert set(changed["tools"].values()) <= set(scene.audit.blobs)


@pytest.mark.promise("silent-server")
def test_a_server_that_never_shows_up_is_reported_once() -> None:
    scene = Scene(
        steps=[END, END],
        servers=[FILES, HostedServer(label="later", identity="https://later.test", deferred=True)],
    )
    first = scene.run()
    assert [event.fields for event in first.of(Notice)] == [{"server_label": "files"}]
    assert scene.run(first.conversation.say("again")).of(Notice) == []
    assert len(scene.records("server_silent")) == 1


@pytest.mark.promise("transformations")
def test_what_the_service_did_to_our_input_is_surfaced() -> None:
    change = {"id": "rs_1", "type": "reasoning", "action": "removed", "reason": "model changed"}
    scene = Scene(steps=[{**END, "input_transformations": [change]}], servers=[])
    (notice,) = scene.run().of(Notice)
    assert notice.fields == {"input_transformations": [change]}
    assert scene.records("input_transformed")[0]["transformations"] == [change]


def test_a_call_nobody_was_asked_about_is_only_observed() -> None:
    scene = Scene(
        steps=[
            response(
                mcp_call("seen", "read", approval_request_id=None, id="mcp_7", error="broken", output=None),
                {"type": "web_search_call", "id": "ws_1"},
                message("ok"),
            )
        ],
        servers=[SEEN],
        ungated=frozenset({"web_search"}),
    )
    run = scene.run()
    (call,) = run.of(CallFinished)
    assert (call.request_id, call.status, call.evidence, call.output) == (
        "mcp_7",
        "failed",
        "observed",
        "broken",
    )
    assert [notice.type for notice in run.of(Notice)] == ["ungated"]
    assert scene.records("ungated")[0]["kind"] == "web_search_call"


@pytest.mark.promise("reasoning-dropped")
def test_reasoning_that_cannot_be_verified_is_dropped_once_and_on_record() -> None:
    scene = Scene(steps=[response(reasoning(), message("a")), STALE, END], servers=[])
    first = scene.run().conversation
    run = scene.run(first.say("again"))
    assert [notice.type for notice in run.of(Notice)] == ["reasoning_dropped"]
    assert [item["type"] for item in scene.model.requests[-1]] == ["message"] * 3
    assert scene.records("reasoning_dropped")[0]["count"] == 1


def test_it_is_dropped_only_once() -> None:
    scene = Scene(steps=[response(reasoning(), message("a")), STALE, STALE], servers=[])
    first = scene.run().conversation
    with pytest.raises(ModelError) as caught:
        scene.run(first.say("again"))
    assert caught.value.code == "invalid_encrypted_content"
    assert scene.model.remaining == 0


@pytest.mark.parametrize("error", [ModelError("other", code="x"), OutcomeUnknown("lost"), STALE])
def test_nothing_is_dropped_for_another_error_or_without_reasoning(error: ModelError) -> None:
    first = response(message("a")) if error is STALE else response(reasoning(), message("a"))
    scene = Scene(steps=[first, error], servers=[])
    talk = scene.run().conversation
    with pytest.raises(type(error)):
        scene.run(talk.say("again"))
    assert scene.records("reasoning_dropped") == []


def test_reasoning_made_by_another_model_is_not_sent() -> None:
    scene = Scene(
        steps=[response(reasoning(), function_call("add")), END, END], tools=[Tool(name="add")], servers=[]
    )
    first = scene.run(said()).conversation
    scene.origin = "here|other"
    run = scene.run(first.say("again"))
    assert [notice.type for notice in run.of(Notice)] == ["reasoning_dropped"]
    assert "reasoning" not in [item["type"] for item in scene.model.requests[-1]]


def test_a_turn_can_be_iterated_over_and_watched() -> None:
    scene, seen = Scene(steps=[END], servers=[]), list[object]()
    turn = scene.turn()
    turn.on_event = seen.append

    async def whole() -> list[object]:
        return [event async for event in turn]

    assert asyncio.run(whole()) == seen
    assert len(scene.records("run_finished")) == 1


def test_the_policy_in_force_is_on_record() -> None:
    scene = Scene(
        steps=[response(function_call("add")), END],
        policy=policy(allow="local.add"),
        tools=[Tool(name="add")],
    )
    scene.run()
    (record,) = scene.records("decision")
    assert record["policy_hash"] == scene.policy.hash
    assert record["matches"][0]["rule"] == "allow-rule"
