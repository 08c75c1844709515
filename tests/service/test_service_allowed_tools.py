"""What allowed_tools and read_only filters leave, whatever list of tools the client sends back."""

from __future__ import annotations

import pytest

from mcpbridge.demo.server import Tracker
from tests.service.talking import Item, answer, declared, kinds, only, talking, user

SCRIPT = """
rules:
- when: {user: file}
  then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: Roof}}}]
- then: [{say: "{{last_output}}"}]
"""
ASKED: Item = {
    "type": "mcp_approval_request",
    "id": "mcpr_1",
    "server_label": "tracker",
    "name": "create_issue",
    "arguments": '{"title": "Roof"}',
}
UNKNOWN = {"type": "mcp_protocol_error", "code": -32602, "message": "Unknown tool: create_issue"}


def replayed(label: str = "tracker", **annotations: bool) -> Item:
    """A list of tools as a client may send it: with what it says of them itself."""
    tool = {"name": "create_issue", "input_schema": {"type": "object"}, "annotations": annotations or None}
    return {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": label, "tools": [tool]}


@pytest.mark.promise("service-allowed")
def test_a_replayed_list_offers_nothing_outside_allowed_tools(tracker: Tracker) -> None:
    only_reading = declared(tracker, require_approval="never", allowed_tools=["list_issues"])
    with talking(SCRIPT, only_reading) as talk:
        call = only(talk.say(replayed(), user("file")), "mcp_call")
    assert (call["error"], tracker.effects) == (UNKNOWN, [])


@pytest.mark.promise("service-allowed")
def test_an_approval_for_a_tool_outside_allowed_tools_executes_nothing(tracker: Tracker) -> None:
    only_reading = declared(tracker, allowed_tools={"tool_names": ["list_issues"]})
    with talking(SCRIPT, only_reading) as talk:
        call = only(talk.say(user("x"), replayed(), ASKED, answer(ASKED)), "mcp_call")
    assert (call["error"], tracker.effects) == (UNKNOWN, [])


@pytest.mark.promise("service-allowed")
@pytest.mark.parametrize(
    "changes",
    [
        {"require_approval": {"never": {"read_only": True}}},
        {"require_approval": {"always": {"read_only": False}, "never": {"read_only": True}}},
    ],
)
def test_a_tool_is_read_only_when_its_server_says_so_not_its_client(tracker: Tracker, changes: Item) -> None:
    with talking(SCRIPT, declared(tracker, **changes)) as talk:
        assert kinds(talk.say(replayed(readOnlyHint=True), user("file"))) == ["mcp_approval_request"]
    assert tracker.effects == []


@pytest.mark.promise("service-allowed")
def test_a_tool_that_its_client_calls_read_only_is_not_allowed_as_one(tracker: Tracker) -> None:
    only_reading = declared(tracker, require_approval="never", allowed_tools={"read_only": True})
    with talking(SCRIPT, only_reading) as talk:
        call = only(talk.say(replayed(readOnlyHint=True), user("file")), "mcp_call")
    assert (call["error"], tracker.effects) == (UNKNOWN, [])


def test_a_replayed_list_within_the_filters_still_pins_the_tools(tracker: Tracker) -> None:
    changes: Item = {"allowed_tools": ["create_issue"], "require_approval": {"never": {"read_only": False}}}
    with talking(SCRIPT, declared(tracker, **changes)) as talk:
        output = talk.say(replayed(), user("file"))
    assert kinds(output) == ["mcp_call", "message"]
    assert tracker.count("create_issue") == 1


def test_the_list_of_a_server_that_is_not_declared_offers_nothing(tracker: Tracker) -> None:
    from tests.service.planning import planning

    with planning(declared(tracker)) as talk:
        output = talk.say(replayed("ghost"), user("create an issue titled Roof"))
    assert only(output, "mcp_approval_request")["server_label"] == "tracker"


@pytest.mark.parametrize(
    ("tool", "missing"), [({"input_schema": {}}, "name"), ({"name": "a"}, "input_schema")]
)
def test_a_listed_tool_needs_what_the_description_requires(
    tracker: Tracker, tool: Item, missing: str
) -> None:
    with talking(SCRIPT, declared(tracker)) as talk:
        error = talk.refused({**replayed(), "tools": [tool]}, user("x"))
    assert (error["param"], error["code"]) == (f"input[0].tools[0].{missing}", "missing_required_parameter")
