"""Every kind of item that the client answers: streamed as documented, paired both ways, replayed."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest

from tests.service.talking import Item, Talk, kinds, only, talking, text_in, user

CHECK = {"id": "cu_sc_1", "code": "malicious_instructions", "message": "Look closely."}
CALLS: dict[str, Item] = {
    "function_call": {"id": "fc_1", "call_id": "call_1", "name": "clock", "arguments": "{}"},
    "custom_tool_call": {"id": "ctc_1", "call_id": "call_1", "name": "sql", "input": "select 1 from dual"},
    "computer_call": {
        "id": "cu_1",
        "call_id": "call_1",
        "pending_safety_checks": [CHECK],
        "status": "completed",
        "action": {"type": "screenshot"},
    },
    "local_shell_call": {
        "id": "lsh_1",
        "call_id": "call_1",
        "status": "completed",
        "action": {"type": "exec", "command": ["ls"], "env": {}},
    },
    "shell_call": {
        "id": "sh_1",
        "call_id": "call_1",
        "status": "completed",
        "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": None},
        "environment": None,
    },
    "apply_patch_call": {
        "id": "apc_1",
        "call_id": "call_1",
        "status": "completed",
        "operation": {"type": "delete_file", "path": "a.txt"},
    },
    "tool_search_call": {
        "id": "tsc_1",
        "call_id": "call_1",
        "execution": "client",
        "arguments": {},
        "status": "completed",
    },
}
SCREEN = {"type": "computer_screenshot", "image_url": "data:image/png;base64,aGk="}
ENDED = {"stdout": "a.txt", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}
OUTPUTS: dict[str, Item] = {
    "function_call": {"type": "function_call_output", "output": "noon"},
    "custom_tool_call": {"type": "custom_tool_call_output", "output": "1"},
    "computer_call": {
        "type": "computer_call_output",
        "output": SCREEN,
        "acknowledged_safety_checks": [CHECK],
    },
    "local_shell_call": {"type": "local_shell_call_output", "id": "lsh_1", "output": '{"stdout": "a.txt"}'},
    "shell_call": {"type": "shell_call_output", "output": [ENDED], "id": None},
    "apply_patch_call": {"type": "apply_patch_call_output", "status": "completed"},
    "tool_search_call": {"type": "tool_search_output", "execution": "client", "tools": []},
}
NOUNS = {kind: kind.replace("_", " ") for kind in CALLS}


def call(kind: str) -> Item:
    return {"type": kind, **CALLS[kind]}


def output(kind: str, call_id: str = "call_1") -> Item:
    return {"call_id": call_id, **OUTPUTS[kind]}


def producing(item: Item) -> str:
    """A script that produces this item first, and then says so."""
    first = f"- when: {{turn: 1, user: go}}\n  then: [{{item: {json.dumps(item)}}}]\n"
    return f"rules:\n{first}- then: [{{say: done}}]\n"


@pytest.mark.promise("paired-both-ways")
@pytest.mark.parametrize("kind", CALLS)
def test_a_call_of_each_kind_ends_the_response_and_its_output_goes_on(kind: str) -> None:
    with talking(producing(call(kind))) as talk:
        assert kinds(talk.say(user("go"))) == [kind]
        assert text_in(talk.say(output(kind))) == "done"


@pytest.mark.promise("paired-both-ways")
@pytest.mark.parametrize("kind", CALLS)
def test_calls_and_outputs_are_paired_both_ways(kind: str) -> None:
    with talking(producing(call(kind))) as talk:
        alone = talk.refused(call(kind), user("and?"))["message"]
        assert alone == f"No tool output found for {NOUNS[kind]} call_1."
        stray = {**output(kind, "call_2"), **({"id": "lsh_2"} if kind == "local_shell_call" else {})}
        message = talk.refused(user("hm"), stray)["message"]
        assert message == f"No tool call found for {NOUNS[kind]} output with call_id call_2."


def test_a_local_shell_output_may_name_its_call_as_the_openai_types_do() -> None:
    named = {"type": "local_shell_call_output", "id": "call_1", "output": "{}"}
    with talking(producing(call("local_shell_call"))) as talk:
        talk.say(user("go"))
        assert text_in_answer(talk, named) == "done"


def text_in_answer(talk: Talk, *new: Item) -> str:
    return text_in(talk.post(talk.body(*new)).json()["output"])


@pytest.mark.parametrize("acknowledged", [None, [], [{**CHECK, "id": "cu_sc_2"}]])
def test_safety_checks_of_a_computer_call_must_be_acknowledged(acknowledged: Any) -> None:
    with talking(producing(call("computer_call"))) as talk:
        talk.say(user("go"))
        refused = talk.refused({**output("computer_call"), "acknowledged_safety_checks": acknowledged})
        assert "have not been acknowledged: cu_sc_1" in refused["message"]


def test_a_tool_search_that_the_service_ran_needs_no_answer() -> None:
    searched: Item = {"type": "tool_search_call", "id": "tsc_1", "execution": "server", "arguments": {}}
    with talking("rules: [{then: [{say: done}]}]") as talk:
        assert text_in_answer(talk, searched, user("and?")) == "done"


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("name", ["created_by", "parsed_arguments", "parsed"])
def test_what_only_an_output_may_hold_is_an_unknown_parameter(name: str, kind: str) -> None:
    with talking("rules: [{then: []}]") as talk:
        error = talk.refused({**call(kind), name: "x"}, output(kind))
        assert (error["code"], error["message"]) == (
            "unknown_parameter",
            f"Unknown parameter: 'input[0].{name}'.",
        )


@pytest.mark.parametrize("kind", ["function_call", "computer_call", "local_shell_call"])
def test_an_id_that_may_not_be_null_is_refused(kind: str) -> None:
    with talking("rules: [{then: []}]") as talk:
        message = talk.refused({**call(kind), "id": None}, output(kind))["message"]
        assert message.startswith("Invalid type for 'input[0].id': expected a string, but got null")


def test_the_phase_of_a_message_is_kept() -> None:
    script = "rules: [{when: {turn: 1}, then: [{say: hm, phase: commentary}]}, {then: [{say: ok}]}]"
    with talking(script) as talk:
        assert only(talk.say(user("go")), "message")["phase"] == "commentary"
        assert text_in(talk.say(user("on"))) == "ok"


def types(events: list[Item]) -> list[str]:
    return [event["type"] for event in events]


def test_a_custom_tool_call_streams_its_input() -> None:
    with talking(producing(call("custom_tool_call"))) as talk:
        events = talk.stream(user("go"))[2:-1]
        assert types(events) == [
            "response.output_item.added",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.done",
            "response.output_item.done",
        ]
        assert events[0]["item"]["input"] == ""
        assert "".join(event["delta"] for event in events[1:3]) == events[3]["input"] == "select 1 from dual"


def test_reasoning_with_content_streams_its_text() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "short"}],
        "content": [{"type": "reasoning_text", "text": "long"}],
    }
    with talking(producing(item)) as talk:
        events = types(talk.stream(user("go"))[2:-1])
        assert events == [
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.content_part.added",
            "response.reasoning_text.delta",
            "response.reasoning_text.done",
            "response.content_part.done",
            "response.output_item.done",
        ]


DRAWS = 'rules: [{then: [{draw: "a {{user}}"}, {say: drawn}]}]'


@pytest.mark.parametrize("partial", [0, 2])
def test_a_picture_is_drawn_and_streamed(partial: int) -> None:
    with talking(DRAWS, {"type": "image_generation", "partial_images": partial, "size": "64x32"}) as talk:
        events = talk.stream(user("house"))[2:-1]
        name = "response.image_generation_call"
        drawn = types(events)[: 5 + partial]
        assert drawn == [
            "response.output_item.added",
            f"{name}.in_progress",
            f"{name}.generating",
            *[f"{name}.partial_image"] * partial,
            f"{name}.completed",
            "response.output_item.done",
        ]
        assert [event["partial_image_index"] for event in events[3 : 3 + partial]] == list(range(partial))
        assert size_of(events[4 + partial]["item"]["result"]) == (64, 32)


def size_of(result: str) -> tuple[int, ...]:
    """Width and height of a base64 PNG whose checksums hold."""
    png = base64.b64decode(result)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        body = png[at + 4 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(body),)
        at += 12 + length
    return struct.unpack(">II", png[16:24])


def test_the_same_words_are_the_same_picture_and_it_says_that_no_model_drew_it() -> None:
    with talking(DRAWS, {"type": "image_generation"}) as talk:
        pictures: list[Item] = []
        for words in ("house", "house", "boat"):
            talk.items = []
            pictures.append(only(talk.say(user(words)), "image_generation_call"))
        assert pictures[0]["result"] == pictures[1]["result"] != pictures[2]["result"]
        assert b"no image model drew this" in base64.b64decode(pictures[0]["result"])
        assert "has no image model" in pictures[0]["revised_prompt"]


def test_fields_that_only_the_output_of_a_picture_has_are_refused() -> None:
    with talking(DRAWS, {"type": "image_generation"}) as talk:
        talk.say(user("house"))
        assert talk.refused(user("nicer"))["code"] == "unknown_parameter"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"size": "10x10"}, "size"),
        ({"size": "large"}, "size"),
        ({"size": "9600x3200"}, "size"),
        ({"size": "0016x0000"}, "size"),
        ({"size": 3}, "size"),
        ({"partial_images": 4}, "partial_images"),
        ({"output_format": "webp"}, "output_format"),
        ({"brush": "wide"}, "brush"),
    ],
)
def test_a_drawing_tool_that_cannot_be_is_refused(change: Item, param: str) -> None:
    with talking(DRAWS, {"type": "image_generation", **change}) as talk:
        assert talk.refused(user("house"))["param"] == f"tools[0].{param}"


def test_drawing_needs_the_tool() -> None:
    with talking(DRAWS) as talk:
        assert talk.refused(user("house"))["code"] == "model_disobeys"
