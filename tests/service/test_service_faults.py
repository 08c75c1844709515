"""Scripted faults: what the client sees, and whether the effects happened."""

from __future__ import annotations

import pytest
from openai import APIConnectionError, APITimeoutError, InternalServerError, RateLimitError

from mcpbridge.demo.server import Tracker
from tests.service.talking import Talk, answer, declared, only, openai_client, talking, text_in, user

RULES = """
rules:
- when: {user: "open"}
  then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: x}}}]
- then: [{say: fine}]
faults:
"""
LIVE = "when: {approved: tracker.create_issue}"


def _approved(talk: Talk) -> None:
    talk.items.append(answer(only(talk.say(user("open")), "mcp_approval_request")))


@pytest.mark.parametrize(
    ("fault", "raised", "ran"),
    [
        ("{status: 500}", InternalServerError, 0),
        ("{status: 500, at: after_effects}", InternalServerError, 1),
        ("{status: 429}", RateLimitError, 0),
        ("{drop: true}", APIConnectionError, 0),
        ("{drop: true, at: after_effects}", APIConnectionError, 1),
        ("{delay: 30}", APITimeoutError, 0),
        ("{delay: 30, at: after_effects}", APITimeoutError, 1),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_strikes_before_or_after_the_effects(
    tracker: Tracker, fault: str, raised: type[Exception], ran: int, stream: bool
) -> None:
    script = f"{RULES}- {{{LIVE}, {fault[1:]}"
    with talking(script, declared(tracker)) as talk:
        _approved(talk)
        timeout = 0.5 if "delay" in fault else 30.0
        with openai_client(talk.endpoint, timeout=timeout) as client, pytest.raises(raised):
            list(
                client.responses.create(
                    model="scripted",
                    input=talk.items,  # type: ignore[arg-type]
                    tools=talk.tools,  # type: ignore[arg-type]
                    store=False,
                    stream=stream,
                )
            )
        assert tracker.count("create_issue") == ran
        assert talk.endpoint.posts == 2


def test_the_openai_client_retries_a_live_approval_and_runs_it_three_times(tracker: Tracker) -> None:
    headers = 'headers: {retry-after-ms: "1"}'
    script = f"{RULES}- {{{LIVE}, status: 500, at: after_effects, times: 2, {headers}}}"
    with talking(script, declared(tracker)) as talk:
        _approved(talk)
        with openai_client(talk.endpoint, max_retries=2) as client:
            client.responses.create(
                model="scripted",
                input=talk.items,  # type: ignore[arg-type]
                tools=talk.tools,  # type: ignore[arg-type]
                store=False,
            )
        assert talk.endpoint.posts == 4
        assert tracker.count("create_issue") == 3


def test_a_fault_may_answer_with_a_body_and_headers_of_its_own() -> None:
    script = (
        RULES
        + """
- {when: {post: 1}, status: 503, headers: {retry-after: "7"}, body: {error: {message: full}}}
- {when: {post: 2}, status: 200, body: "not json", headers: {content-type: application/json}}
- {when: {stream: true}, status: 429}
"""
    )
    with talking(script) as talk:
        first = talk.post(talk.body(user("hi")))
        assert (first.status_code, first.headers["retry-after"]) == (503, "7")
        assert first.json() == {"error": {"message": "full"}}
        assert talk.post(talk.body(user("hi"))).text == "not json"
        assert talk.post(talk.body(user("hi"), stream=True)).json()["error"]["code"] == "rate_limit_exceeded"
        assert text_in(talk.say(user("hi"))) == "fine"


def test_a_fault_that_refuses_has_a_payload_of_its_own() -> None:
    with talking(RULES + "- {status: 403, times: 1}\n- {delay: 0}") as talk:
        assert talk.refused(user("hi"), status=403)["code"] == "refused_by_script"
        assert text_in(talk.say(user("hi"))) == "fine"


def test_stopping_does_not_wait_for_a_delay() -> None:
    with (
        talking(RULES + "- {delay: 3600}") as talk,
        openai_client(talk.endpoint, timeout=0.2) as client,
        pytest.raises(APITimeoutError),
    ):
        client.responses.create(model="scripted", input="hi", store=False)
