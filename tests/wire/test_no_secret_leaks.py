"""A canary in headers, authorization and environment appears nowhere, also when a server echoes it."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from mcpbridge import Bridge, McpbridgeError, OutcomeUnknown, ServerDeclaration, TextDelta, tool
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, FAST, Stack, run, sources

CANARY = "canary-tracker-token-7f3a"
KEY = "canary-service-key-91c4"
ECHO = f"""
rules:
  - when: {{user: "look"}}
    then:
      - reasoning: "The header was Bearer {CANARY}."
      - mcp: {{server: tracker, tool: list_issues, arguments: {{}}}}
      - mcp: {{server: tracker, tool: create_issue, arguments: {{title: "{CANARY}", body: "{KEY}"}}}}
      - call: {{name: note, arguments: {{text: "{CANARY}"}}}}
  - when: {{mcp_result: "tracker.*"}}
    then: [{{say: "Your token is {CANARY}, your key is {KEY}."}}]
  - when: {{user: "break"}}
    then: [{{say: "unreached"}}]
faults:
  - when: {{user: "break"}}
    status: 400
    body: {{error: {{message: "bad token {CANARY} or {KEY}", code: x, type: y}}}}
    times: 9
"""


@tool
def note(text: str) -> str:
    """Take a note."""
    raise RuntimeError(f"the note with {text} and {CANARY} failed")


def everything_written(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "audit.jsonl" for path in files)
    return "\n".join(path.read_text(errors="replace") for path in files)


@pytest.mark.promise("no-secret")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("quirks", [[], ["echo-secrets"]], ids=["clean", "echoes tools"])
def test_the_canary_is_nowhere_to_be_seen(  # noqa: PLR0917
    quirks: list[str],
    stream: bool,
    tracker: Tracker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="openai")
    with running_in_thread(ECHO, api_key=KEY, quirks=quirks) as service:
        stack = Stack(
            folder=tmp_path,
            endpoint=service,
            tracker=tracker,
            policy=ALL_ALLOWED,
            extra="logging: {level: debug}\n",
        )
        seen: list[str] = []

        async def talk() -> None:
            async with stack.bridge(tools=[note]) as bridge:
                seen.append(repr(bridge) + repr(vars(bridge)) + repr(stack.config()))
                turn = bridge.turn("look", stream=stream)
                deltas = ""
                async for event in turn:
                    seen.append(repr(event))
                    deltas += getattr(event, "text", "")
                seen.append(deltas)
                (tmp_path / "saved.json").write_text(bridge.dumps(turn.conversation))
                with pytest.raises(McpbridgeError) as caught:
                    await bridge.run("break", conversation=turn.conversation)
                seen.append("".join(traceback.format_exception(caught.value)))
                seen.append(repr(caught.value.__dict__))

        run(talk())

    written = everything_written(tmp_path)
    captured = capsys.readouterr()
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("openai"))
    for place, text in {
        "files": written,
        "events": "\n".join(seen),
        "stdout": captured.out,
        "stderr": captured.err,
        "openai's log": logged,
    }.items():
        assert CANARY not in text, place
        assert KEY not in text, place
    assert "[secret]" in written
    assert tracker.count("list_issues") == 1


@pytest.mark.promise("no-secret-stream")
def test_a_secret_that_arrives_in_pieces_is_masked_while_streaming(tmp_path: Path) -> None:
    said = f"rules:\n- then: [{{say: 'The key is {KEY}, keep it.'}}]\n"
    with running_in_thread(said, api_key=KEY) as service:
        stack = Stack(folder=tmp_path, endpoint=service)

        async def deltas() -> str:
            async with stack.bridge() as bridge:
                events = [event async for event in bridge.turn("hello", stream=True)]
            return "".join(event.text for event in events if isinstance(event, TextDelta))

        assert run(deltas()) == "The key is [secret], keep it."


def test_a_credential_from_a_callable_is_asked_for_each_request_and_masked(
    tracker: Tracker, tmp_path: Path
) -> None:
    script = f"""
rules:
  - when: {{user: look}}
    then: [{{mcp: {{server: second, tool: list_issues, arguments: {{}}}}}}]
  - when: {{mcp_result: "second.*"}}
    then: [{{say: "token {CANARY}"}}]
"""
    asked: list[int] = []

    def credential() -> str:
        asked.append(1)
        return f"Bearer {CANARY}"

    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service, policy=ALL_ALLOWED)

        async def talk() -> str:
            async with stack.bridge() as bridge:
                server = ServerDeclaration(
                    label="second", url=tracker.url, headers={"Authorization": credential}, allow_http=True
                )
                await bridge.register(server)
                assert CANARY not in repr(server)
                text = (await bridge.run("look")).text
                await bridge.remove("second")
                return text

        assert run(talk()) == "token [secret]"
        assert len(asked) == 2
        assert CANARY not in everything_written(tmp_path)
        assert [record["type"] for record in stack.records("server_registered", "server_removed")] == [
            "server_registered",
            "server_removed",
        ]


def test_an_unknown_outcome_shows_no_secret_in_its_traceback(tracker: Tracker, tmp_path: Path) -> None:
    script = """
rules:
  - when: {user: look}
    then: [{mcp: {server: tracker, tool: list_issues, arguments: {}}}]
faults:
  - {when: {approved: "tracker.*"}, drop: true, times: 9}
"""
    with running_in_thread(script, api_key=KEY) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        with pytest.raises(OutcomeUnknown) as caught:
            stack.run("look")

        ours = [
            frame
            for frame, _line in traceback.walk_tb(caught.value.__traceback__)
            if "/mcpbridge/" in frame.f_code.co_filename.replace("\\", "/")
        ]
        assert ours
        shown = "\n".join(repr(frame.f_locals) for frame in ours)
        assert KEY not in shown
        assert CANARY not in shown


@pytest.mark.promise("sealed-state")
def test_a_function_that_returns_a_credential_does_not_hand_it_to_the_model(
    tracker: Tracker, tmp_path: Path
) -> None:
    script = """
rules:
  - when: {user: look}
    then: [{call: {name: reveal, arguments: {}}}]
  - when: {function_output: reveal}
    then: [{say: "It said: {{last_output}}"}]
"""

    def reveal() -> str:
        """Reveal."""
        return f"the token is {CANARY}"

    with running_in_thread(script) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, policy=ALL_ALLOWED)

        assert stack.run("look", tools=[reveal]).text == "It said: the token is [secret]"
        assert CANARY not in everything_written(tmp_path)


def test_an_edited_saved_state_is_refused(tmp_path: Path) -> None:
    said = "rules:\n- then: [{say: hello}]\n"
    with running_in_thread(said) as service:
        stack = Stack(folder=tmp_path, endpoint=service)
        bridge: Bridge = stack.bridge()

        async def talk() -> str:
            async with bridge:
                return bridge.dumps((await bridge.run("hi there")).conversation)

        saved = run(talk())
    other = Bridge.from_yaml(
        stack.config(),
        sources=sources(stack.env),
        retries=FAST,
        state_key=b"another key, thirty-two bytes!!!",
    )

    from mcpbridge import StateRefused

    for edited in (saved.replace("hi there", "hi, send money"), saved[:-9], "{}", "nonsense"):
        with pytest.raises(StateRefused):
            bridge.loads(edited)
    with pytest.raises(StateRefused, match="another key"):
        other.loads(saved)
    assert bridge.loads(saved).user_texts == ("hi there",)
    run(other.close())
