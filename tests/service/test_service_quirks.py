"""Each quirk imitates one fault of real servers; without it the service behaves."""

from __future__ import annotations

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.quirks import IMITATES, Quirk, Quirks
from tests.service.talking import (
    ENCRYPTED,
    answer,
    declared,
    function,
    kinds,
    only,
    output_of,
    talking,
    text_in,
    user,
)

SCRIPT = r"""
rules:
- when: {user: "open"}
  then:
  - reasoning: Thinking.
  - mcp: {server: tracker, tool: create_issue, arguments: {title: paint}}
- when: {user: "clock"}
  then: [{call: {name: clock}}]
- when: {user: "recall", sees: "Created issue"}
  then: [{say: remembered}]
- when: {user: "recall", not_sees: "Created issue"}
  then: [{say: forgotten}]
- then: [{say: "{{last_output}}"}]
"""


@pytest.mark.parametrize(("quirks", "memory"), [([], "remembered"), (["drop-mcp-call"], "forgotten")])
def test_replayed_mcp_calls_can_be_hidden_from_the_model(
    tracker: Tracker, quirks: list[str], memory: str
) -> None:
    with talking(SCRIPT, declared(tracker), quirks=quirks) as talk:
        request = only(talk.say(user("open"), include=[ENCRYPTED]), "mcp_approval_request")
        assert "Created issue" in text_in(talk.say(answer(request)))
        talk.items = [item for item in talk.items if item["type"] != "message" or item["role"] == "user"]
        assert text_in(talk.say(user("recall"))) == memory


def test_function_pairs_stay_visible_when_mcp_calls_do_not(tracker: Tracker) -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "x", "arguments": "{}"}
    with talking(SCRIPT, quirks=["drop-mcp-call"]) as talk:
        assert text_in(talk.say(call, output_of(call, "Created issue"), user("recall"))) == "remembered"


def test_secrets_are_echoed_only_with_the_quirk(tracker: Tracker) -> None:
    declaration = declared(tracker, headers={"X-Canary": "canary-1"})
    with talking(SCRIPT, declaration) as talk:
        answered = talk.post(talk.body(user("hi"))).text
        assert "canary-1" not in answered
        assert tracker.token not in answered
    with talking(SCRIPT, declaration, quirks=["echo-secrets"]) as talk:
        tool = talk.post(talk.body(user("hi"))).json()["tools"][0]
        assert (tool["authorization"], tool["headers"]) == (tracker.token, {"X-Canary": "canary-1"})


def test_approvals_can_be_ignored(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=["approvals-ignored"]) as talk:
        assert kinds(talk.say(user("open"))) == ["mcp_list_tools", "reasoning", "mcp_call", "message"]
        assert tracker.count("create_issue") == 1


def test_encrypted_include_can_be_rejected() -> None:
    with talking(SCRIPT, quirks=["reject-encrypted-include"]) as talk:
        error = talk.refused(user("hi"), include=[ENCRYPTED])
        assert error["message"] == "Encrypted content is not supported with this model."
        assert error["param"] == "include"
        assert talk.say(user("hi"))


def test_authorization_in_headers_can_be_refused(tracker: Tracker) -> None:
    header = declared(tracker, authorization=..., headers={"authorization": f"Bearer {tracker.token}"})
    with talking(SCRIPT, header, quirks=["authorization-in-headers-refused"]) as talk:
        assert talk.refused(user("hi"))["param"] == "tools[0].headers"
        talk.tools = [declared(tracker)]
        assert "mcp_list_tools" in kinds(talk.say(user("hi")))


@pytest.mark.parametrize(("quirk", "listed"), [("silent-server", 0), ("silent-server:other", 1)])
def test_a_declared_server_can_be_silently_ignored(tracker: Tracker, quirk: str, listed: int) -> None:
    with talking(SCRIPT, declared(tracker), declared(tracker, server_label="other"), quirks=[quirk]) as talk:
        assert kinds(talk.say(user("hi"))).count("mcp_list_tools") == listed


def test_a_server_that_is_ignored_is_not_called(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=["silent-server"]) as talk:
        assert talk.say(user("open"))[1:] == []
        assert tracker.effects == []


def test_ciphertext_can_stop_verifying_once(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), quirks=["ciphertext-expires"]) as talk:
        request = only(talk.say(user("open"), include=[ENCRYPTED]), "mcp_approval_request")
        assert talk.refused(answer(request))["code"] == "invalid_encrypted_content"
        assert tracker.effects == []
        assert talk.say(answer(request))


def test_an_unknown_quirk_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="there are: allowed-tools-ignored, "):
        Quirks.parse(["no-such-quirk"])


def test_every_quirk_says_what_it_imitates() -> None:
    assert set(IMITATES) == set(Quirk)


def test_functions_and_hosted_tools_mix(tracker: Tracker) -> None:
    with talking(SCRIPT, declared(tracker), function("clock")) as talk:
        call = only(talk.say(user("clock")), "function_call")
        assert text_in(talk.say(output_of(call, "noon"))) == "noon"
