"""Quirks in how servers ask, and in what they make of the answer. Without the quirk, the service behaves."""

from __future__ import annotations

import json

import pytest

from mcpbridge.demo.server import Tracker
from tests.service.talking import Item, answer, declared, kinds, only, talking, text_in, user

SCRIPT = r"""
rules:
- when: {user: "open"}
  then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}}]
- when: {user: "list"}
  then: [{mcp: {server: tracker, tool: list_issues}}]
- when: {user: "count"}
  then: [{mcp: {server: tracker, tool: count_issues, arguments: 'n'}}]
- when: {denied: "*"}
  then: [{say: "denied: {{denial_reason}}"}]
- when: {mcp_result: "*"}
  then: [{say: "{{last_output}}"}]
- then: [{say: "hm?"}]
"""
ASKS = ["mcp_list_tools", "mcp_approval_request"]
RUNS = ["mcp_list_tools", "mcp_call", "message"]


@pytest.mark.parametrize("approval", [..., None], ids=["missing", "null"])
@pytest.mark.parametrize(("quirks", "output"), [([], ASKS), (["never-by-default"], RUNS)])
def test_an_approval_that_is_not_spoken_of_can_mean_never(
    quirks: list[str], output: list[str], approval: object, tracker: Tracker
) -> None:
    with talking(SCRIPT, declared(tracker, require_approval=approval), quirks=quirks) as talk:
        assert kinds(talk.say(user("list"))) == output


def test_never_by_default_asks_where_always_is_said(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=["never-by-default"]) as talk:
        assert kinds(talk.say(user("list"))) == ASKS


ONLY_OPENING = {"always": {"tool_names": ["create_issue"]}, "never": {"tool_names": ["list_issues"]}}
NEVER_LISTING = {"never": {"tool_names": ["create_issue"]}}


@pytest.mark.parametrize(
    ("quirks", "approval", "output"),
    [
        ([], ONLY_OPENING, RUNS),
        (["approval-filters-ignored"], ONLY_OPENING, ASKS),
        ([], NEVER_LISTING, ASKS),
        (["approval-filters-ignored"], NEVER_LISTING, RUNS),
    ],
)
def test_approval_filters_can_be_ignored(
    quirks: list[str], approval: Item, output: list[str], tracker: Tracker
) -> None:
    with talking(SCRIPT, declared(tracker, require_approval=approval), quirks=quirks) as talk:
        assert kinds(talk.say(user("list"))) == output


@pytest.mark.parametrize(("quirks", "tools"), [([], 1), (["allowed-tools-ignored"], None)])
def test_allowed_tools_can_be_ignored(quirks: list[str], tools: int | None, tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, allowed_tools=["list_issues"]), quirks=quirks) as talk:
        listed = only(talk.say(user("hi")), "mcp_list_tools")["tools"]
        assert len(listed) == tools if tools else len(listed) > 1


@pytest.mark.parametrize(("quirks", "output"), [([], ["message"]), (["empty-after-denial"], [])])
def test_a_denial_can_end_in_silence(quirks: list[str], output: list[str], tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=quirks) as talk:
        request = only(talk.say(user("open")), "mcp_approval_request")
        assert kinds(talk.say(answer(request, approve=False))) == output
        assert text_in(talk.say(user("and?"))) != ""


@pytest.mark.parametrize(("quirks", "told"), [([], "denied: too loud"), (["denial-untold"], "hm?")])
def test_a_denial_can_be_kept_from_the_model(quirks: list[str], told: str, tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=quirks) as talk:
        request = only(talk.say(user("open")), "mcp_approval_request")
        assert text_in(talk.say(answer(request, approve=False, reason="too loud"))) == told


def test_an_approved_call_can_be_asked_for_again_in_other_words_and_never_runs(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=["asks-again-reworded"]) as talk:
        first = only(talk.say(user("open")), "mcp_approval_request")
        second = only(talk.say(answer(first)), "mcp_approval_request")
        third = only(talk.say(answer(second)), "mcp_approval_request")

        assert [json.loads(one["arguments"])["title"] for one in (first, second, third)] == [
            "paint",
            "paint.",
            "paint..",
        ]
        assert len({first["id"], second["id"], third["id"]}) == 3
        assert tracker.effects == []


@pytest.mark.parametrize("tool", ["list", "count"], ids=["no arguments", "no JSON"])
def test_a_call_without_text_is_reworded_in_its_layout(tool: str, tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=["asks-again-reworded"]) as talk:
        first = only(talk.say(user(tool)), "mcp_approval_request")
        second = only(talk.say(answer(first)), "mcp_approval_request")
        assert second["arguments"] == first["arguments"] + " "


def test_a_denied_request_is_not_asked_again(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=["asks-again-reworded"]) as talk:
        request = only(talk.say(user("open")), "mcp_approval_request")
        assert text_in(talk.say(answer(request, approve=False, reason="no"))) == "denied: no"


@pytest.mark.parametrize(("quirk", "refused"), [("mcp-424", "tracker"), ("mcp-424:other", "other")])
def test_a_tool_list_can_be_unreadable(quirk: str, refused: str, tracker: Tracker) -> None:
    other = declared(tracker, server_label="other")
    with talking(SCRIPT, declared(tracker), other, quirks=[quirk]) as talk:
        error = talk.refused(user("hi"), status=424)
        assert error["message"].startswith(f"Error retrieving tool list from MCP server: '{refused}'.")
        talk.tools = [declared(tracker)]
        if refused == "other":
            assert kinds(talk.say(user("hi"))) == ["mcp_list_tools", "message"]


@pytest.mark.parametrize(
    ("quirks", "name"),
    [([], "response.mcp_call_arguments"), (["other-stream-names"], "response.mcp_call.arguments")],
)
def test_streams_can_use_other_names(quirks: list[str], name: str, tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker, require_approval="never"), quirks=quirks) as talk:
        streamed = talk.post(talk.body(user("list"), stream=True)).text
        events = [
            line.removeprefix("event: ") for line in streamed.splitlines() if line.startswith("event: ")
        ]
        at = events.index("response.mcp_call.in_progress")
        assert events[at + 1 : at + 4] == [f"{name}.delta", f"{name}.done", "response.mcp_call.completed"]
