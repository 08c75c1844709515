"""Resources and prompts of a server, read by the model through functions of ours, under the same gate."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Approve, CallbackApprover, Question
from mcpbridge.testing import assert_allowed, assert_denied
from tests.bridged.library import FUNCTIONS, Library, library
from tests.bridged.scene import ASK


@pytest.fixture
def lib() -> Generator[Library, None, None]:
    with library() as found:
        yield found


@pytest.mark.promise("bridged-offer")
def test_the_model_lists_and_reads_what_a_server_has(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(
        tmp_path,
        ("list_resources", {}),
        ("list_resource_templates", {}),
        ("read_resource", {"uri": "demo://tides"}),
        ("list_prompts", {}),
        ("get_prompt", {"name": "greet", "arguments": {"who": "Ada"}}),
    )

    scene.run("go")

    offered = [function["name"] for function in scene.model.raw_requests[0].functions]
    assert offered == ["lib__echo", *FUNCTIONS]
    told = scene.outputs()
    assert [json.loads(line) for line in told["call_1"].splitlines()] == [
        {"uri": "demo://tides", "name": "tides", "mimeType": "text/plain"},
        {"uri": "demo://chart.png", "name": "chart", "mimeType": "image/png"},
    ]
    assert json.loads(told["call_2"]) == {"uriTemplate": "demo://{day}", "name": "day"}
    assert told["call_3"] == "inside demo://tides"
    assert json.loads(told["call_4"])["arguments"] == [{"name": "who", "required": True}]
    assert told["call_5"] == (
        "[mcpbridge: message 1 of 1, written by the server for the role user]\nHello Ada"
    )


@pytest.mark.promise("bridged-offer")
def test_nothing_is_offered_that_was_not_opted_in(lib: Library, tmp_path: Path) -> None:
    none = lib.scene(tmp_path, offer="[]")
    prompts = lib.scene(tmp_path, offer="[prompts]")

    none.run("go")
    prompts.run("go")

    assert [one["name"] for one in none.model.raw_requests[0].functions] == ["lib__echo"]
    assert [one["name"] for one in prompts.model.raw_requests[0].functions] == ["lib__echo", *FUNCTIONS[3:]]


@pytest.mark.promise("bridged-offer-gated")
def test_a_reading_is_decided_recorded_and_joined_with_the_servers_log_like_a_call(
    lib: Library, tmp_path: Path
) -> None:
    screens: list[str] = []

    def yes(question: Question) -> Approve:
        screens.append(question.screen)
        return Approve(by="ana")

    scene = lib.scene(
        tmp_path,
        ("list_resources", {}),
        ("read_resource", {"uri": "demo://tides"}),
        policy=ASK.replace("rules: []", "rules: [{id: lists, effect: allow, tools: ['lib.list_*']}]"),
        approver=CallbackApprover(yes),
    )

    result = scene.run("go")

    assert_allowed(result, "lib.list_resources", outcome="policy_allow")
    assert_allowed(result, "lib.read_resource", outcome="human_allow")
    [screen] = screens
    assert "the model wants to call lib.read_resource" in screen
    assert 'uri  "demo://tides"' in screen
    kinds = [record["type"] for record in scene.records("decision", "intent", "outcome")]
    assert kinds == ["decision", "intent", "outcome"] * 2
    decisions = scene.records("decision")
    listing, reading = lib.sent("resources/list")[-1], lib.sent("resources/read")[-1]
    sent = [asked["_meta"]["mcpbridge/decision_id"] for asked in (listing, reading)]
    assert sent == [decision["decision_key"] for decision in decisions]
    outcome = scene.records("outcome")[-1]
    assert (outcome["status"], outcome["evidence"]) == ("completed", "executed_here")


@pytest.mark.promise("bridged-offer-gated")
def test_what_a_policy_denies_never_reaches_the_server(lib: Library, tmp_path: Path) -> None:
    policy = (
        "version: 1\ndefaults: {decision: deny}\nrules:\n"
        "  - {id: tides, effect: allow, tools: [lib.read_resource], when: {uri: {starts_with: 'demo://'}}}\n"
    )
    calls = [("read_resource", {"uri": uri}) for uri in ("file:///etc/passwd", "demo://tides")]
    scene = lib.scene(tmp_path, *calls, ("get_prompt", {"name": "greet"}), policy=policy)

    result = scene.run("go")

    assert_denied(result, "lib.get_prompt", outcome="policy_deny")
    assert [asked["uri"] for asked in lib.sent("resources/read")] == ["demo://tides"]
    assert lib.sent("prompts/get") == []


@pytest.mark.promise("bridged-offer-gated")
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_resource", {}),
        ("read_resource", {"uri": 7}),
        ("read_resource", {"uri": ""}),
        ("read_resource", {"uri": "demo://a\r\nHost: evil.example"}),
        ("read_resource", {"uri": "demo://a\u202etxt.exe"}),
        ("read_resource", {"uri": "demo://\x1b[2J"}),
        ("read_resource", {"uri": "demo://" + "a" * 9_000}),
        ("read_resource", {"uri": "demo://tides", "headers": {}}),
        ("get_prompt", {"name": "greet", "arguments": {"who": 7}}),
        ("list_resources", {"cursor": 1}),
    ],
)
def test_arguments_that_do_not_fit_reach_no_person_and_no_server(
    lib: Library, tmp_path: Path, name: str, arguments: dict[str, Any]
) -> None:
    def nobody(_: Question) -> Approve:
        raise AssertionError("a person was asked")

    scene = lib.scene(tmp_path, (name, arguments), policy=ASK, approver=CallbackApprover(nobody))

    result = scene.run("go")

    assert_denied(result, f"lib.{name}", outcome="malformed")
    assert [one["method"] for one in lib.asked if one["method"] != "initialize"] == []


def test_pictures_and_files_are_content_parts_and_what_is_too_long_is_cut_and_told(
    lib: Library, tmp_path: Path
) -> None:
    lib.answers(
        "resources/read",
        lambda _: {
            "contents": [
                {"uri": "demo://chart.png", "mimeType": "image/png", "blob": "iVBORw0KGgo="},
                {"uri": "demo://report.pdf", "mimeType": "application/pdf", "blob": "JVBERg=="},
                {"uri": "demo://log", "text": "x" * 5_000},
            ]
        },
    )
    scene = lib.scene(tmp_path, ("read_resource", {"uri": "demo://all"}), extra=", max_result: 1000")

    scene.run("go")

    picture, report, text, cut = scene.outputs()["call_1"]
    assert (picture["type"], report["type"]) == ("input_image", "input_file")
    assert picture["image_url"] == "data:image/png;base64,iVBORw0KGgo="
    assert report["filename"] == "report.pdf"
    assert text == {"type": "input_text", "text": "x" * 1_000}
    assert "the result was cut" in cut["text"]
    [outcome] = scene.records("outcome")
    assert (outcome["truncated"], outcome["full_size"]) == (True, 5_020)


@pytest.mark.promise("bridged-offer-names")
def test_a_tool_of_the_servers_own_never_stands_for_a_function_of_ours(lib: Library, tmp_path: Path) -> None:
    """Naively, a rule that lets a resource be read would let a server's own tool of that name run."""
    own = [{"name": name, "inputSchema": {"type": "object"}} for name in ("read_resource", "echo")]
    lib.answers("tools/list", lambda _: {"tools": own})
    scene = lib.scene(tmp_path, ("read_resource", {"uri": "demo://tides"}), extra=", allowed_tools: [echo]")

    result = scene.run("go")

    assert scene.outputs() == {"call_1": "inside demo://tides"}
    assert "tools/call" not in lib.web.methods()
    [notice] = [one for one in result.notices if one.type == "tool_left_out"]
    assert notice.message == (
        "lib.read_resource is not offered to the model: a function of mcpbridge has that name (offer: "
        "resources); to use the server's own tool instead, remove resources from offer"
    )
    [listed] = scene.records("tools_listed")
    assert list(listed["left_out"]) == ["read_resource"]
    assert listed["offered"] == [name.removeprefix("lib__") for name in FUNCTIONS]


@pytest.mark.promise("bridged-offer-names")
def test_what_a_server_does_not_have_is_left_out_with_a_notice(tmp_path: Path) -> None:
    with library(capabilities={"tools": {}, "prompts": {}}) as lib:
        scene = lib.scene(tmp_path)
        result = scene.run("go")

    assert [one["name"] for one in scene.model.raw_requests[0].functions] == ["lib__echo", *FUNCTIONS[3:]]
    assert [notice.message for notice in result.notices] == [
        f"lib.{name} is not offered to the model: the server has no resources"
        for name in ("list_resources", "list_resource_templates", "read_resource")
    ]


def test_an_auto_server_that_falls_back_offers_them_too(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(
        tmp_path,
        ("read_resource", {"uri": "demo://tides"}),
        via="auto",
        profile="{extends: local, hosted_mcp: false}",
    )

    scene.run("go")

    assert scene.outputs() == {"call_1": "inside demo://tides"}
    assert len(scene.records("capability_fallback")) == 1


def test_a_reading_whose_answer_was_lost_is_made_once_more(lib: Library, tmp_path: Path) -> None:
    from werkzeug import Response

    before = lib.web.on["resources/read"]
    lost = [Response(b"not json", content_type="application/json")]
    lib.web.on["resources/read"] = lambda message, request: lost.pop() if lost else before(message, request)
    scene = lib.scene(tmp_path, ("read_resource", {"uri": "demo://tides"}))

    scene.run("go")

    assert scene.outputs() == {"call_1": "inside demo://tides"}
    assert scene.records("outcome_unknown") == []


def test_our_definitions_are_pinned_and_do_not_change_with_the_server(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(tmp_path, ("read_resource", {"uri": "demo://tides"}))
    scene.run("go")
    first = scene.records("tools_listed")[0]["tools"]

    lib.answers("resources/list", lambda _: {"resources": []})
    again = lib.scene(tmp_path, ("read_resource", {"uri": "demo://tides"}))
    again.run("go")

    assert again.records("tools_listed")[0]["tools"] == first
    assert first["read_resource"] == again.records("decision")[0]["definition_hash"]
