"""Killed, cut off or stopped after an effect may have begun: nothing runs twice by itself (must-show 4)."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import SCRIPT, Shell, Watched

HANGS_AFTER = "faults: [{when: {approved: tracker.create_issue}, at: after_effects, delay: 600, times: 1}]\n"
HANGS_BEFORE = (
    "faults: [{when: {approved: tracker.create_issue}, at: before_effects, delay: 600, times: 1}]\n"
)
HANGS_AT_ONCE = "faults: [{delay: 600, times: 1}]\n"
FAILS = "faults: [{when: {approved: tracker.create_issue}, status: 500, at: after_effects, times: 1}]\n"
HANGS_UP = (
    [signal.SIGHUP] if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else []
)
"""Under nohup programs ignore it, and so do those that they start."""
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without telling them")


@contextmanager
def service_watching(script: str, tracker: Tracker) -> Generator[tuple[LocalEndpoint, Watched[object]]]:
    """A service, and the effects on the tracker as something to wait for."""
    effects: Watched[object] = Watched()
    tracker.effects = effects  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    with running_in_thread(SCRIPT + script) as service:
        yield service, effects


@pytest.mark.promise("at-most-once")
def test_killed_after_the_effect_began_it_is_unknown_and_goes_on_without_it(
    shell: Shell, tracker: Tracker
) -> None:
    with service_watching(HANGS_AFTER, tracker) as (service, effects):
        shell.configure(service, tracker)
        question = shell.paused()
        with shell.started("--resume", "state.json", "--decide", f"{question}=yes") as process:
            effects.wait_until(lambda: len(effects) == 1)
            process.kill()
            process.communicate()

        unknown = shell.run("--resume", "state.json")
        as_json = shell.here("--resume", "state.json", "--json")
        further = shell.here("hello", "--state", "state.json")
        posts = service.posts
        done = shell.here("--resume", "state.json", "--decide", f"{question}=no:it is there, I looked")

    assert (unknown.code, as_json.code, further.code) == (4, 4, 2)
    assert f"{question} (tracker.create_issue) may have taken effect" in unknown.err
    assert f"mcpbridge run --resume state.json --decide {question}=yes" in unknown.err
    assert as_json.json["status"] == "unknown"
    assert as_json.json["error"]["request_ids"] == [question]
    assert f"the outcome is unknown of {question}" in further.err
    assert posts == 2
    assert done.code == 0
    assert "it is there, I looked" in done.out
    assert re.search(rf"decided +{question}: given up by \S+", done.err)
    assert tracker.count("create_issue") == 1


@pytest.mark.promise("unknown-decided")
def test_killed_before_the_effect_it_is_unknown_too_and_a_yes_repeats_it(
    shell: Shell, tracker: Tracker
) -> None:
    with service_watching(HANGS_BEFORE, tracker) as (service, _):
        requests: Watched[object] = Watched(service.requests)
        service.requests = requests  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        shell.configure(service, tracker)
        question = shell.paused()
        with shell.started("--resume", "state.json", "--decide", f"{question}=yes") as process:
            requests.wait_until(lambda: len(requests) == 2)
            process.kill()
            process.communicate()

        unknown = shell.here("--resume", "state.json")
        assert tracker.effects == []
        done = shell.here("--resume", "state.json", "--decide", f"{question}=yes", "--by", "oncall")
        assert tracker.count("create_issue") == 1  # until the service ends: what it holds back then runs

    assert (unknown.code, done.code) == (4, 0)
    assert done.out == "It says: Created issue #4: t\n"
    (recovery,) = shell.records("recovery")
    assert (recovery["outcome"], recovery["approver"]) == ("repeated", "oncall")
    assert f"{question}: repeated by oncall\n" in done.err
    assert "repeated by oncall (claimed)" in shell.mcpbridge("audit", "show", "--human").out


@pytest.mark.promise("first-wins")
def test_what_was_given_up_cannot_be_repeated_from_a_copy(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT + FAILS) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        unknown = shell.here("--resume", "state.json", "--decide", f"{question}=yes")
        shutil.copy(shell.folder / "state.json", shell.folder / "copy.json")
        first = shell.here("--resume", "state.json", "--decide", f"{question}=no:gone")
        copied = shell.here("--resume", "copy.json", "--decide", f"{question}=yes")

    assert (unknown.code, first.code, copied.code) == (4, 0, 2)
    assert f"{question} was already decided (given_up, audit record" in copied.err
    assert "--resume" not in copied.err
    assert tracker.count("create_issue") == 1


def test_a_failure_after_the_approval_is_unknown_and_saved_without_being_told_to(
    shell: Shell, tracker: Tracker
) -> None:
    policy = "version: 1\ndefaults: {decision: deny}\nrules: [{id: all, effect: allow, tools: ['*']}]\n"
    with running_in_thread(SCRIPT + FAILS) as service:
        shell.configure(service, tracker, policy=policy)
        ended = shell.here("write", "--json")
        (saved,) = shell.folder.glob("conv_*.state.json")
        again = shell.here("--resume", saved.name)

        assert service.posts == 2

    assert (ended.code, again.code) == (4, 4)
    assert ended.json["status"] == "unknown"
    assert ended.json["error"]["type"] == "OutcomeUnknown"
    assert ended.json["state"] == saved.name
    assert tracker.count("create_issue") == 1
    assert shell.decided() == [("decision", "create_issue", "policy_allow"), ("outcome_unknown", "unknown")]


@pytest.mark.promise("at-most-once")
@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, *HANGS_UP])
def test_stopped_with_an_effect_under_way_the_outcome_is_unknown(
    number: signal.Signals, shell: Shell, tracker: Tracker
) -> None:
    with service_watching(HANGS_AFTER, tracker) as (service, effects):
        shell.configure(service, tracker)
        question = shell.paused()
        with shell.started("--resume", "state.json", "--decide", f"{question}=yes") as process:
            effects.wait_until(lambda: len(effects) == 1)
            process.send_signal(number)
            _, err = process.communicate()

        again = shell.here("--resume", "state.json")

    assert process.returncode == 4
    assert f"outcome unknown: stopped by {number.name}" in err.decode()
    assert b"Traceback" not in err
    assert again.code == 4
    assert tracker.count("create_issue") == 1
    assert shell.decided() == [("decision", "create_issue", "human_allow"), ("outcome_unknown", "unknown")]


@POSIX
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), *((one, 129) for one in HANGS_UP)]
)
def test_stopped_while_the_model_thinks_the_turn_can_go_on(
    number: signal.Signals, code: int, shell: Shell
) -> None:
    with running_in_thread(SCRIPT + HANGS_AT_ONCE) as service:
        requests: Watched[object] = Watched()
        service.requests = requests  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        shell.configure(service, None)
        with shell.started("hello there", "--state", "s.json", "--json") as process:
            requests.wait_until(lambda: len(requests) == 1)
            process.send_signal(number)
            out, err = process.communicate()

        done = shell.here("--resume", "s.json")

    assert process.returncode == code
    assert b'"status": "failed"' in out
    assert "go on with\n  mcpbridge run --resume s.json\n" in err.decode()
    assert (done.code, done.out) == (0, "Hello, turn there.\n")


def test_a_request_that_may_have_run_something_unasked_is_unknown_too(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT + "faults: [{drop: true, times: 1}]\n") as service:
        shell.configure(service, tracker)
        file = shell.folder / "mcpbridge.yaml"
        file.write_text(file.read_text().replace("    headers:", "    observe: true\n    headers:"))
        ended = shell.here("read", "--state", "s.json", "--json")

        assert service.posts == 1

    assert ended.code == 4
    assert ended.json["status"] == "unknown"
    assert ended.json["error"]["request_ids"] == []
    assert "go on with\n  mcpbridge run --resume s.json\n" in ended.err
