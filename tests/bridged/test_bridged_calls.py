"""A bridged call from the model's words to the model's answer: checked, decided, called, told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import ActionDecided, Approve, CallbackApprover, Question, UsageError, tool
from mcpbridge.core.action import ToolDefinition
from mcpbridge.engine.events import CallProgress
from mcpbridge.errors import CallNotSent, CallTimedOut, RateLimited
from mcpbridge.ports import Progress, ToolAnswer
from mcpbridge.testing import (
    Answered,
    FakeToolbox,
    ScriptedModel,
    assert_allowed,
    assert_denied,
    function_call,
    message,
    response,
)
from tests.bridged.scene import ASK, Scene

SEARCH = ToolDefinition(
    name="search",
    description="Search the documents.",
    input_schema={
        "type": "object",
        "properties": {"q": {"type": "string"}, "limit": {"type": "integer", "maximum": 50}},
        "required": ["q"],
        "additionalProperties": False,
    },
)
END = response(message("told"))


def scene(folder: Path, box: FakeToolbox, arguments: Any, **options: Any) -> Scene:
    call = response(function_call("docs__search", arguments, call_id="call_1"))
    return Scene(folder=folder, boxes={"docs": box}, steps=[call, END], **options)


def answered(folder: Path, answer: Answered) -> tuple[Scene, Any]:
    """What the model is told where the tool answers this, with the outcome's record."""
    one = scene(folder, FakeToolbox(SEARCH, answers={"search": answer}), {"q": "mcp"})
    one.run("go")
    return one, one.records("outcome")[0]


@pytest.mark.promise("bridged-gate")
def test_a_bridged_tool_is_a_function_for_the_model_and_label_tool_for_everybody_else(tmp_path: Path) -> None:
    box = FakeToolbox(SEARCH, answers={"search": "found"})
    one = scene(tmp_path, box, {"q": "mcp"})

    result = one.run("go")

    [function] = one.model.raw_requests[0].functions
    assert function == {
        "type": "function",
        "name": "docs__search",
        "description": "Search the documents.",
        "parameters": SEARCH.input_schema,
        "strict": False,
    }
    assert_allowed(result, "docs.search", outcome="policy_allow")
    assert one.outputs() == {"call_1": "found"}
    decision, outcome = one.records("decision")[0], one.records("outcome")[0]
    assert (decision["via"], decision["server_identity"]) == ("bridge", "https://docs.example/mcp")
    assert (outcome["evidence"], outcome["status"]) == ("executed_here", "completed")


@pytest.mark.promise("bridged-decision-id")
def test_the_decision_id_of_the_audit_travels_in_meta(tmp_path: Path) -> None:
    box = FakeToolbox(SEARCH)
    one = scene(tmp_path, box, {"q": "mcp"})

    one.run("go")

    [called] = box.calls
    assert called.meta == {"mcpbridge/decision_id": one.records("decision")[0]["decision_key"]}


@pytest.mark.promise("bridged-arguments-checked")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, '"q" is a required property'),
        ({"q": 5}, 'q: 5 is not of type "string"'),
        ({"q": "a", "limit": 51}, "limit: 51 is greater than the maximum of 50"),
        ({"q": "a", "all": True}, "Additional properties are not allowed ('all' was unexpected)"),
        ('{"q": "a", "q": "b"}', "the arguments name a key twice"),
        ("[]", "the arguments are not a JSON object"),
    ],
)
def test_arguments_that_do_not_fit_the_schema_reach_no_policy_no_person_and_no_server(
    arguments: Any, complaint: str, tmp_path: Path
) -> None:
    asked: list[Question] = []

    def yes(question: Question) -> Approve:
        asked.append(question)
        return Approve()

    box = FakeToolbox(SEARCH)
    one = scene(tmp_path, box, arguments, policy=ASK, approver=CallbackApprover(yes))
    result = one.run("go")

    assert_denied(result, "docs.search", outcome="malformed")
    assert complaint in one.outputs()["call_1"]
    assert (asked, box.calls) == ([], [])


@pytest.mark.promise("bridged-arguments-checked")
def test_what_a_person_writes_instead_is_held_to_the_schema_too(tmp_path: Path) -> None:
    box = FakeToolbox(SEARCH)
    approver = CallbackApprover(lambda _: Approve(by="ana", arguments={"q": 7}))
    one = scene(tmp_path, box, {"q": "mcp"}, policy=ASK, approver=approver)

    result = one.run("go")

    [question] = result.questions
    [notice] = [one for one in result.notices if one.type == "edit_refused"]
    assert question.action.arguments == {"q": "mcp"}
    assert "docs.search cannot be used (the arguments do not fit the tool's schema: q: 7 is not of type" in (
        notice.message
    )
    assert (one.records("decision"), box.calls) == ([], [])


def test_an_edited_call_runs_as_edited_and_the_model_is_told(tmp_path: Path) -> None:
    box = FakeToolbox(SEARCH, answers={"search": "found"})
    approver = CallbackApprover(lambda _: Approve(by="ana", arguments={"q": "better"}))
    one = scene(tmp_path, box, {"q": "mcp"}, policy=ASK, approver=approver)

    one.run("go")

    assert [called.arguments for called in box.calls] == [{"q": "better"}]
    assert 'It ran with: {"q": "better"}' in str(one.outputs()["call_1"])


@pytest.mark.parametrize(
    "reference", ["https://evil.example/schema.json", "file:///etc/passwd", "http://127.0.0.1:1/x"]
)
@pytest.mark.promise("bridged-no-network-ref")
def test_a_schema_that_leads_out_of_itself_is_never_followed_and_its_tool_not_offered(
    reference: str, tmp_path: Path
) -> None:
    evil = ToolDefinition(name="evil", input_schema={"properties": {"q": {"$ref": reference}}})
    one = scene(tmp_path, FakeToolbox(SEARCH, evil), {"q": "mcp"})

    result = one.run("go")

    assert [function["name"] for function in one.model.raw_requests[0].functions] == ["docs__search"]
    assert [notice.type for notice in result.notices] == ["tool_left_out"]
    [listed] = one.records("tools_listed")
    assert "Retrieval is disabled" in listed["left_out"]["evil"]


@pytest.mark.parametrize(
    ("answer", "told", "facts"),
    [
        (
            ToolAnswer(parts="no such page", is_error="tool"),
            "The tool reported an error.\nno such page",
            {"status": "failed", "error_kind": "tool"},
        ),
        (
            ToolAnswer(parts="-32602: bad", is_error="protocol"),
            "The server refused the call.\n-32602: bad",
            {"status": "failed", "error_kind": "protocol"},
        ),
        (
            ToolAnswer(parts="{}", is_error="invalid"),
            "The tool ran, and its result does not fit its own output schema. Do not repeat the call.\n{}",
            {"status": "failed", "error_kind": "invalid"},
        ),
        (
            ToolAnswer(parts="abc… (cut)", truncated=True, size=9_000_000),
            "abc… (cut)",
            {"status": "completed", "truncated": True, "full_size": 9_000_000},
        ),
        (
            CallNotSent("docs.search was not called: no route", server_label="docs"),
            "docs.search was not called: no route",
            {"status": "failed", "error": "CallNotSent"},
        ),
        (RateLimited("docs wants fewer requests"), "docs wants fewer requests", {"error": "RateLimited"}),
        (
            CallTimedOut("docs took too long"),
            "search did not finish within 60 s; whether it took effect is unknown.",
            {"status": "timeout", "error": "timeout"},
        ),
        (ValueError("secret detail"), "search failed (ValueError)", {"status": "failed"}),
    ],
    ids=["isError", "JSON-RPC", "invalid", "cut", "not sent", "429", "late", "a bug"],
)
@pytest.mark.promise("bridged-failures-told")
def test_failures_are_told_to_the_model_and_kept_apart_in_the_audit(
    answer: Answered, told: str, facts: dict[str, Any], tmp_path: Path
) -> None:
    one, outcome = answered(tmp_path, answer)
    assert one.outputs()["call_1"] == told
    assert {key: outcome.get(key) for key in facts} == facts


def test_pictures_and_files_reach_the_model_as_content_parts(tmp_path: Path) -> None:
    parts = [
        {"type": "input_text", "text": "a picture"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ]
    one, _ = answered(tmp_path, ToolAnswer(parts=parts))
    assert one.outputs()["call_1"] == parts


@pytest.mark.promise("bridged-names-refused")
def test_a_python_function_cannot_be_called_like_a_bridged_tool(tmp_path: Path) -> None:
    @tool(name="docs__search")
    def mine(q: str) -> str:
        """Search."""
        return q

    with pytest.raises(UsageError, match=r"the function docs__search is named like a tool of .* 'docs'"):
        scene(tmp_path, FakeToolbox(SEARCH), {}, tools=[mine]).run("go")


def test_only_allowed_tools_are_offered_and_called(tmp_path: Path) -> None:
    servers = '\n  - {label: docs, via: bridge, url: "https://docs.example/mcp", allowed_tools: [read]}\n'
    box = FakeToolbox(SEARCH, "read")
    one = scene(tmp_path, box, {"q": "mcp"}, servers=servers)

    result = one.run("go")

    assert [function["name"] for function in one.model.raw_requests[0].functions] == ["docs__read"]
    assert_denied(result, "docs.search", outcome="unknown_tool")
    assert box.calls == []


def test_progress_is_told_while_the_call_runs(tmp_path: Path) -> None:
    box = FakeToolbox(SEARCH)

    def slow(_: Any) -> str:
        observer = box.observers[-1]
        assert observer is not None
        observer.progress(Progress(progress=1, total=2, message="half"))
        return "found"

    box.answers["search"] = slow
    one = scene(tmp_path, box, {"q": "mcp"})
    seen: list[CallProgress | ActionDecided] = []

    async def whole() -> None:
        async with one.bridge() as bridge:
            async for event in bridge.turn("go"):
                if isinstance(event, CallProgress | ActionDecided):
                    seen.append(event)

    asyncio.run(whole())

    assert isinstance(seen[0], ActionDecided)
    progress = seen[1]
    assert isinstance(progress, CallProgress)
    assert (progress.tool, progress.progress, progress.total, progress.message) == ("search", 1, 2, "half")


def test_an_always_covers_the_same_call_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def always(question: Question) -> Approve:
        asked.append(question.action.name)
        return Approve(by="ana", always=True)

    one = scene(tmp_path, FakeToolbox(SEARCH), {"q": "mcp"}, policy=ASK, approver=CallbackApprover(always))
    call = response(function_call("docs__search", {"q": "mcp"}))
    one.model = ScriptedModel(
        [call, END, response(function_call("docs__search", {"q": "mcp"}, call_id="b")), END]
    )

    result = one.run("go", "again")

    assert asked == ["docs.search"]
    assert_allowed(result, "docs.search", outcome="grant_allow")
