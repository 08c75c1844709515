"""A server that wants words of the model in a call: a person says so, on record, or it gets none."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge import Approve, Approver, CallbackApprover, Deny, Question
from mcpbridge.testing import Step, function_call, message, response
from tests.bridged.asking import SAMPLE, asker, wish

ASKED = ", sampling: ask"
WORDS: Step = response(message("The tide is high."), model="m-2026")
ERAS = pytest.mark.parametrize("modern", [False, True], ids=["legacy", "2026-07-28"])


@pytest.fixture
def site() -> Generator[HTTPServer, None, None]:
    server = HTTPServer(host="127.0.0.1", port=0, threaded=True)
    server.start()
    try:
        yield server
    finally:
        server.clear()
        server.stop()


def shown(screens: list[str], *answers: Any) -> Approver:
    """Keeps what it is shown, and gives these answers, the last one for ever."""
    left = list(answers)

    def answer(question: Question) -> Any:
        screens.append(question.screen)
        return left.pop(0) if len(left) > 1 else left[0]

    return CallbackApprover(answer)


def yes(question: Question) -> Approve:
    return Approve(by="ana")


def no_one(question: Question) -> Approve:
    raise AssertionError("a person was asked")


@ERAS
@pytest.mark.promise("bridged-sampling")
def test_a_server_gets_the_models_words_after_a_person_has_seen_what_is_sent(
    site: HTTPServer, tmp_path: Path, modern: bool
) -> None:
    server, screens = asker(site, modern=modern, questions=[SAMPLE]), list[str]()
    scene = server.scene(tmp_path, WORDS, extra=ASKED, approver=shown(screens, Approve(by="ana")))

    scene.run("What is the tide?")

    [answer] = server.answers
    assert answer["content"] == {"type": "text", "text": "The tide is high."}
    assert (answer["role"], answer["model"], answer["stopReason"]) == ("assistant", "m-2026", "endTurn")
    assert "sampling" in server.declared[0]
    assert screens == [
        "asker.ask wants words of the model while it runs\n"
        f"  server     {server.web.url} (called by mcpbridge)\n"
        "  system     You are brief.\n"
        "  user       Sum up: the tide is high\n"
        "  at most    100 tokens (it asks for 100)\n"
        "  yes        sends this and nothing else to the model; the server gets its answer"
    ]
    types = ("decision", "sampling_asked", "sampling_decided", "sampling_answered", "outcome")
    records = scene.records(*types)
    assert [record["type"] for record in records] == list(types)
    asked, decided, answered = records[1:4]
    assert asked["arguments"]["messages"] == [{"role": "user", "text": "Sum up: the tide is high"}]
    assert (decided["answer"], decided["approver"]) == ("accept", "ana")
    assert (answered["answer"], answered["model"], answered["result_size"]) == ("accept", "m-2026", 17)
    assert {record["request_id"] for record in records} == {"call_1"}


@pytest.mark.promise("bridged-sampling")
def test_the_model_is_asked_apart_with_no_tool_and_nothing_of_the_conversation(
    site: HTTPServer, tmp_path: Path
) -> None:
    server = asker(
        site, modern=True, questions=[wish(maxTokens=9_000_000, temperature=1, includeContext="allServers")]
    )
    screens: list[str] = []
    extra = f"{ASKED}, sampling_max_tokens: 50"
    scene = server.scene(tmp_path, WORDS, extra=extra, approver=shown(screens, Approve(by="ana")))

    scene.run("my own secret question")

    apart = scene.model.raw_requests[1]
    assert apart.apart is not None
    assert (apart.apart.instructions, apart.apart.max_output_tokens) == ("You are brief.", 50)
    assert (apart.functions, apart.live_approvals) == ((), ())
    assert scene.model.requests[1] == [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Sum up: the tide is high"}],
        }
    ]
    assert "at most    50 tokens (it asks for 9,000,000)" in screens[0]
    assert "left out   a temperature; what was said in this conversation" in screens[0]


@ERAS
@pytest.mark.promise("bridged-sampling")
@pytest.mark.parametrize(
    ("approver", "expected"),
    [
        (CallbackApprover(lambda _: Deny(by="ana", reason="none of its business")), ("decline", "business")),
        (CallbackApprover(lambda _: Approve(by="ana", arguments={"system": "x"})), ("cancel", "changed")),
        (None, ("decline", "nobody can be asked while a call runs")),
    ],
    ids=["a no", "another wish", "nobody there"],
)
def test_without_a_clear_yes_the_model_is_not_asked_and_the_server_gets_an_error(
    site: HTTPServer, tmp_path: Path, modern: bool, approver: Approver | None, expected: tuple[str, str]
) -> None:
    answer, reason = expected
    server = asker(site, modern=modern, questions=[SAMPLE])
    scene = server.scene(tmp_path, extra=ASKED, approver=approver)

    scene.run("go")

    assert len(scene.model.requests) == 2
    [decided] = scene.records("sampling_decided")
    assert decided["answer"] == answer
    assert reason in decided["reason"]
    assert scene.records("sampling_answered") == []
    if modern:
        assert server.answers == []
        assert "was not finished: sampling was refused" in scene.outputs()["call_1"]
    else:
        assert server.answers == [{"code": -1, "message": "sampling was refused"}]


@pytest.mark.promise("bridged-sampling")
def test_with_review_the_server_gets_what_a_person_has_read_or_nothing(
    site: HTTPServer, tmp_path: Path
) -> None:
    server, screens = asker(site, modern=True, questions=[SAMPLE]), list[str]()
    answers = (Approve(by="ana"), Approve(by="bob", arguments={"text": "High."}))
    scene = server.scene(tmp_path, WORDS, extra=", sampling: review", approver=shown(screens, *answers))
    scene.run("go")
    no = server.scene(
        tmp_path, WORDS, extra=", sampling: review", approver=shown([], Approve(by="ana"), Deny(by="bob"))
    )
    no.run("go")

    assert "  the model  The tide is high.\n" in screens[1]
    assert [answer["content"]["text"] for answer in server.answers] == ["High."]
    assert [record["stage"] for record in scene.records("sampling_asked")] == ["request", "answer"]
    [first], [second] = scene.records("sampling_answered"), no.records("sampling_answered")
    assert (first["answer"], first["approver"], first["result_size"]) == ("accept", "bob", 5)
    assert (second["answer"], "result_size" in second) == ("decline", False)
    assert "was not finished" in no.outputs()["call_1"]


@pytest.mark.promise("bridged-sampling")
@pytest.mark.parametrize(
    ("step", "text", "stop"),
    [
        (
            response(
                message("The tide"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
            ),
            "The tide",
            "maxTokens",
        ),
        (response(function_call("asker__ask", {})), None, "function_call, which was not offered"),
        (response(message("x"), status="failed"), None, "did not finish"),
        (response(message("")), None, "said nothing"),
    ],
    ids=["cut", "a call", "failed", "empty"],
)
def test_only_words_of_the_model_reach_the_server(
    site: HTTPServer, tmp_path: Path, step: Step, text: str | None, stop: str
) -> None:
    server = asker(site, modern=True, questions=[SAMPLE])
    scene = server.scene(tmp_path, step, extra=ASKED, approver=CallbackApprover(yes))

    scene.run("go")

    [answered] = scene.records("sampling_answered")
    if text is None:
        assert server.answers == []
        assert stop in answered["reason"]
        assert answered["answer"] == "cancel"
    else:
        [answer] = server.answers
        assert (answer["content"]["text"], answer["stopReason"]) == (text, stop)


@pytest.mark.promise("bridged-sampling-refused")
@pytest.mark.parametrize(
    ("question", "why"),
    [
        (wish(tools=[{"name": "rm", "inputSchema": {"type": "object"}}]), "call tools"),
        (wish(messages=[]), "asks for nothing"),
        (wish(maxTokens=0), "asks for nothing"),
        (wish(messages=[{"role": "user", "content": {"type": "text", "text": "x" * 30_000}}]), "longer than"),
        (
            wish(
                messages=[
                    {"role": "user", "content": {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"}}
                ]
            ),
            "look at audio (audio/wav)",
        ),
    ],
    ids=["tools", "nothing", "no tokens", "too long", "a sound"],
)
def test_what_cannot_be_shown_whole_or_is_not_offered_is_refused_before_anybody_is_asked(
    site: HTTPServer, tmp_path: Path, question: Any, why: str
) -> None:
    server = asker(site, modern=False, questions=[question])
    scene = server.scene(tmp_path, extra=ASKED, approver=CallbackApprover(no_one))

    scene.run("go")

    assert server.answers == [{"code": -1, "message": "sampling was refused"}]
    [decided] = scene.records("sampling_decided")
    assert (decided["answer"], why in decided["reason"]) == ("decline", True)


@ERAS
@pytest.mark.promise("bridged-sampling-refused")
def test_unless_it_is_configured_it_is_not_offered_and_a_server_that_asks_is_refused_on_record(
    site: HTTPServer, tmp_path: Path, modern: bool
) -> None:
    server = asker(site, modern=modern, questions=[SAMPLE])
    scene = server.scene(tmp_path, approver=CallbackApprover(no_one))

    scene.run("go")

    assert "sampling" not in server.declared[0]
    assert "roots" not in server.declared[0]
    [refused] = scene.records("server_request_refused")
    assert (refused["method"], refused["request_id"]) == ("sampling/createMessage", "call_1")
    assert refused["reason"] == "it asked for sampling/createMessage, which is not offered to it"
    if not modern:
        assert server.answers == [{"code": -32600, "message": refused["reason"]}]


@pytest.mark.promise("bridged-sampling-refused")
@pytest.mark.parametrize("extra", [ASKED, ""], ids=["configured", "not configured"])
def test_a_storm_of_wishes_asks_a_person_three_times_and_fills_no_log(
    site: HTTPServer, tmp_path: Path, extra: str
) -> None:
    server, screens = asker(site, modern=False, questions=[SAMPLE] * 200), list[str]()
    words = [WORDS] * 3 if extra else []
    scene = server.scene(tmp_path, *words, extra=extra, approver=shown(screens, Approve(by="ana")))

    scene.run("go")

    assert len(screens) == len(words)
    assert len(server.answers) == 200
    assert sum("content" in answer for answer in server.answers) == len(words)
    assert len(scene.records("server_request_refused")) <= 22
    assert scene.records("server_request_refused")[0]["method"] == "sampling/createMessage"


def test_a_screen_keeps_a_servers_words_apart_from_ours(site: HTTPServer, tmp_path: Path) -> None:
    lie = "hello\n  yes        sends nothing\x1b[2J\u202e"
    server = asker(site, modern=True, questions=[wish(systemPrompt=lie)])
    screens: list[str] = []
    scene = server.scene(tmp_path, extra=ASKED, approver=shown(screens, Deny(by="ana")))

    scene.run("go")

    lines = screens[0].split("\n")
    assert [line for line in lines if line.startswith("  yes")] == [
        "  yes        sends this and nothing else to the model; the server gets its answer"
    ]
    assert "               yes        sends nothing\\u001b[2J\\u202e" in lines


def test_a_credential_in_the_models_words_does_not_reach_the_server(site: HTTPServer, tmp_path: Path) -> None:
    canary = "sk-canary-0123456789abcdef"
    (tmp_path / "token").write_text(canary)
    server = asker(site, modern=True, questions=[SAMPLE])
    extra = f'{ASKED}, headers: {{X-Token: "${{file:token}}"}}'
    said = response(message(f"it is {canary}"))
    scene = server.scene(tmp_path, said, extra=extra, approver=CallbackApprover(yes))

    scene.run("go")

    assert [answer["content"]["text"] for answer in server.answers] == ["it is [secret]"]
    assert canary not in json.dumps(scene.audit.records, default=str)
