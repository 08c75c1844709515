"""tool_choice, parallel_tool_calls and max_tool_calls: checked when they come in, kept by the model."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.demo.server import Tracker
from tests.service.talking import Item, answer, declared, function, kinds, only, output_of, talking, user

SCRIPT = r"""
rules:
- when: {user: "clock"}
  then: [{call: {name: clock}}]
- when: {user: "both"}
  then: [{call: {name: clock}}, {call: {name: weather}}]
- when: {user: "list twice"}
  then: [{mcp: {server: tracker, tool: list_issues}}, {mcp: {server: tracker, tool: list_issues}}]
- when: {user: "list"}
  then: [{mcp: {server: tracker, tool: list_issues}}]
- when: {user: "custom"}
  then: [{item: {type: custom_tool_call, id: "{{id:ctc}}", call_id: "{{id:call}}", name: sql, input: "1"}}]
- when: {user: "draw"}
  then: [{draw: "a house"}, {say: drawn}]
- when: {user: "refuse"}
  then: [{refuse: "I will not."}]
- when: {user: "stop"}
  then: [{status: incomplete}]
- then: [{say: done}]
"""
CLOCK, WEATHER = function("clock"), function("weather")
SQL = {"type": "custom", "name": "sql"}
DRAWING = {"type": "image_generation"}
NAMED = {"type": "function", "name": "clock"}


def allowed(*tools: Item, mode: str = "auto") -> Item:
    return {"type": "allowed_tools", "mode": mode, "tools": list(tools)}


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("sometimes", "Invalid value: 'sometimes'. Supported values are: 'none', 'auto', 'required'"),
        ({"type": "magic"}, "Invalid value: 'magic'."),
        ({}, "Missing required parameter: 'tool_choice.type'."),
        ({"type": "function"}, "Missing required parameter: 'tool_choice.name'."),
        ({"type": "mcp"}, "Missing required parameter: 'tool_choice.server_label'."),
        ({"type": "mcp", "server_label": "tracker", "name": 3}, "Invalid type for 'tool_choice.name'"),
        ({**NAMED, "extra": 1}, "Unknown parameter: 'tool_choice.extra'."),
        ({"type": "function", "name": "gone"}, "Tool choice 'gone' not found in 'tools' parameter."),
        ({"type": "mcp", "server_label": "gone"}, "Tool choice 'gone' not found in 'tools' parameter."),
        ({"type": "shell"}, "Tool choice 'shell' not found in 'tools' parameter."),
        ({"type": "allowed_tools", "tools": []}, "Missing required parameter: 'tool_choice.mode'."),
        ({"type": "allowed_tools", "mode": "auto"}, "Missing required parameter: 'tool_choice.tools'."),
        (allowed(mode="none"), "Invalid value: 'none'."),
        ({**allowed(), "tools": {}}, "Invalid type for 'tool_choice.tools'"),
        ({**allowed(), "tools": ["clock"]}, "Invalid type for 'tool_choice.tools[0]'"),
        (allowed({"type": "function", "name": "gone"}), "Tool choice 'gone' not found"),
    ],
)
def test_a_tool_choice_that_cannot_be_is_refused(choice: Any, message: str) -> None:
    with talking(SCRIPT, CLOCK) as talk:
        assert talk.refused(user("clock"), tool_choice=choice)["message"].startswith(message)


def test_required_needs_tools() -> None:
    with talking(SCRIPT) as talk:
        error = talk.refused(user("hi"), tool_choice="required")
        assert error["message"] == "Tool choice 'required' must be specified with 'tools' parameter."


@pytest.mark.parametrize(
    ("text", "choice", "output"),
    [
        ("hi", "none", "message"),
        ("hi", "auto", "message"),
        ("clock", "auto", "function_call"),
        ("clock", "required", "function_call"),
        ("clock", NAMED, "function_call"),
        ("clock", allowed(NAMED, mode="required"), "function_call"),
        ("hi", allowed(NAMED), "message"),
        ("custom", {"type": "custom", "name": "sql"}, "custom_tool_call"),
        ("refuse", "required", "message"),
    ],
)
def test_a_choice_that_the_model_keeps_changes_nothing(text: str, choice: Any, output: str) -> None:
    with talking(SCRIPT, CLOCK, WEATHER, SQL) as talk:
        assert kinds(talk.say(user(text), tool_choice=choice)) == [output]


@pytest.mark.parametrize(
    ("text", "choice", "message"),
    [
        ("clock", "none", "called 'clock', but tool_choice allows only: none"),
        ("custom", "none", "called 'sql', but tool_choice allows only: none"),
        ("hi", "required", "ended without calling a tool, which tool_choice requires"),
        (
            "clock",
            {"type": "function", "name": "weather"},
            "called 'clock', but tool_choice allows only: weather",
        ),
        ("hi", NAMED, "ended without calling clock, which tool_choice requires"),
        ("both", allowed(NAMED), "called 'weather', but tool_choice allows only: clock"),
        ("clock", {"type": "custom", "name": "sql"}, "called 'clock', but tool_choice allows only: sql"),
    ],
)
def test_a_model_that_breaks_the_choice_ends_the_request(text: str, choice: Any, message: str) -> None:
    with talking(SCRIPT, CLOCK, WEATHER, SQL) as talk:
        error = talk.refused(user(text), tool_choice=choice)
        assert (error["code"], error["param"]) == ("model_disobeys", "tool_choice")
        assert message in error["message"]
        assert "--quirk tool-choice-ignored" in error["message"]


def test_an_incomplete_response_need_not_have_called() -> None:
    with talking(SCRIPT, CLOCK) as talk:
        answered = talk.post(talk.body(user("stop"), tool_choice="required"))
        assert answered.json()["status"] == "incomplete"


@pytest.mark.parametrize(
    "choice",
    [
        "none",
        {"type": "mcp", "server_label": "tracker", "name": "create_issue"},
        {"type": "mcp", "server_label": "other"},
    ],
)
def test_a_hosted_call_that_the_choice_forbids_never_runs(choice: Any, tracker: Tracker) -> None:
    tools = [
        declared(tracker, server_label=label, require_approval="never") for label in ("tracker", "other")
    ]
    with talking(SCRIPT, *tools) as talk:
        assert "called 'tracker.list_issues'" in talk.refused(user("list"), tool_choice=choice)["message"]
        assert tracker.effects == []


@pytest.mark.parametrize("name", [{}, {"name": "list_issues"}], ids=["any", "one tool"])
def test_asking_for_a_hosted_call_keeps_the_choice_and_so_does_running_it(
    name: Item, tracker: Tracker
) -> None:
    choice = {"type": "mcp", "server_label": "tracker", **name}
    with talking(SCRIPT, declared(tracker)) as talk:
        request = only(talk.say(user("list"), tool_choice=choice), "mcp_approval_request")
        assert kinds(talk.say(answer(request), tool_choice=choice)) == ["mcp_call", "message"]


def test_one_call_at_a_time_where_parallel_calls_are_off() -> None:
    with talking(SCRIPT, CLOCK, WEATHER) as talk:
        error = talk.refused(user("both"), parallel_tool_calls=False)
        assert (error["code"], error["param"]) == ("model_disobeys", "parallel_tool_calls")
        call = only(talk.say(user("clock"), parallel_tool_calls=False), "function_call")
        assert kinds(talk.say(output_of(call, "noon"), parallel_tool_calls=False)) == ["message"]
    with talking(SCRIPT, CLOCK, WEATHER) as talk:
        assert kinds(talk.say(user("both"))) == ["function_call", "function_call"]


@pytest.mark.parametrize(("limit", "calls"), [(1, 1), (2, 2), (9, 2)])
def test_hosted_calls_beyond_max_tool_calls_are_ignored(limit: int, calls: int, tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, require_approval="never")) as talk:
        output = talk.say(user("list twice"), max_tool_calls=limit)
        assert kinds(output).count("mcp_call") == calls
        assert tracker.count("list_issues") == calls
        assert kinds(output)[-1] == "message"


def test_pictures_are_hosted_calls_too() -> None:
    with talking(SCRIPT, DRAWING) as talk:
        assert kinds(talk.say(user("draw"), tool_choice={"type": "image_generation"})) == [
            "image_generation_call",
            "message",
        ]
        talk.items = []
        assert kinds(talk.say(user("draw"), max_tool_calls=0)) == ["message"]
        assert talk.refused(user("draw"), tool_choice="none")["code"] == "model_disobeys"


def test_a_streamed_response_that_breaks_the_choice_fails() -> None:
    with talking(SCRIPT, CLOCK) as talk:
        events = talk.stream(user("clock"), tool_choice="none")
        assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
        assert "response.function_call_arguments.delta" not in [event["type"] for event in events]
