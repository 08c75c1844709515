"""Gateways that pass on the sentence of an error, and drop its code and parameter."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.errors import ModelError, OutcomeUnknown
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack

_TWO_TURNS = """
rules:
- when: {user: second}
  then: [{say: the second answer}]
- then: [{reasoning: a thought}, {say: the first answer}]
faults:
- when: {user: second}
  times: 1
  status: 400
  body:
    error:
      message: "litellm.BadRequestError: The encrypted content for item rs_1 could not be verified."
"""
_NO_INCLUDE = """
rules:
- then: [{say: answered}]
faults:
- times: 1
  status: 400
  body: {error: {message: "Encrypted content is not supported with this model."}}
"""
_HEADERS = """
rules: [{then: [{say: unreachable}]}]
faults:
- status: 400
  body: {error: {message: "Authorization header cannot be passed in 'headers'. Use 'authorization'."}}
"""


@pytest.mark.promise("reasoning-dropped")
def test_reasoning_is_dropped_where_only_the_sentence_says_that_it_does_not_verify(tmp_path: Path) -> None:
    with running_in_thread(_TWO_TURNS) as endpoint:
        stack = Stack(folder=tmp_path, endpoint=endpoint)
        first = stack.run("first")
        second = stack.run("second", conversation=first.conversation)
        assert second.text == "the second answer"
        assert not any(item.get("type") == "reasoning" for item in endpoint.bodies[-1]["input"])
    assert len(stack.records("reasoning_dropped")) == 1


@pytest.mark.promise("include-fallback")
def test_an_include_is_left_out_where_only_the_sentence_refuses_it(tmp_path: Path) -> None:
    with running_in_thread(_NO_INCLUDE) as endpoint:
        assert Stack(folder=tmp_path, endpoint=endpoint).run("hello").text == "answered"
        assert "include" not in endpoint.bodies[-1]


@pytest.mark.promise("one-post")
@pytest.mark.parametrize(
    "sentence",
    ["Encrypted content is not supported with this model.", "The encrypted content could not be verified."],
)
def test_a_sentence_alone_does_not_have_a_live_approval_sent_again(
    sentence: str, tracker: Tracker, tmp_path: Path
) -> None:
    script = f"""
rules:
- then: [{{reasoning: hm}}, {{mcp: {{server: tracker, tool: create_issue, arguments: {{title: paint}}}}}}]
faults:
- when: {{approved: tracker.create_issue}}
  at: after_effects
  status: 400
  body: {{error: {{message: "{sentence}"}}}}
"""
    with running_in_thread(script) as endpoint:
        stack = Stack(folder=tmp_path, endpoint=endpoint, tracker=tracker, policy=ALL_ALLOWED)
        with pytest.raises(OutcomeUnknown):
            stack.run("open")
        assert endpoint.posts == 2
    assert tracker.count("create_issue") == 1


def test_a_refused_authorization_header_says_what_to_write_instead(tmp_path: Path) -> None:
    with running_in_thread(_HEADERS) as endpoint, pytest.raises(ModelError, match="authorization_in: field"):
        Stack(folder=tmp_path, endpoint=endpoint).run("hello")
