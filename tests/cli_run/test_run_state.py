"""The state file: continued, locked, sealed, and never half written."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from mcpbridge import McpbridgeError, StateRefused, UsageError
from mcpbridge.cli.state_file import StateFile
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import SCRIPT, Shell


def test_a_state_file_is_made_and_then_continued_with_a_further_turn(shell: Shell) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, None)
        first = shell.here("hello one", "--state", "talk.json", "--principal", "me", "--json").json
        second = shell.here("hello two", "--state", "talk.json", "--json").json
        spoken = [item["content"] for item in service.bodies[-1]["input"] if item.get("role") == "user"]
        other = shell.here("hello three", "--state", "talk.json", "--principal", "you")
        finished = shell.here("--resume", "talk.json")

    assert first["conversation_id"] == second["conversation_id"]
    assert spoken == ["hello one", "hello two"]
    assert second["usage"]["total_tokens"] > first["usage"]["total_tokens"]
    assert (other.code, finished.code) == (2, 2)
    assert "acts for 'me'" in other.err
    assert "nothing is open in talk.json" in finished.err


def test_a_further_turn_waits_until_the_questions_are_answered(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        ended = shell.here("hello", "--state", "state.json")

        assert service.posts == 1

    assert ended.code == 2
    assert f"questions are open: {question}" in ended.err
    assert f"mcpbridge run --resume state.json --decide {question}=yes" in ended.err


@pytest.mark.promise("sealed-state")
def test_an_edited_state_is_refused(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        file = shell.folder / "state.json"
        sealed = json.loads(file.read_text())
        sealed["conversation"] = sealed["conversation"].replace('\\"title\\":\\"t\\"', '\\"title\\":\\"u\\"')
        assert sealed["conversation"] not in file.read_text()
        file.write_text(json.dumps(sealed))
        ended = shell.here("--resume", "state.json", "--decide", f"{question}=yes")

        assert service.posts == 1

    assert ended.code == 2
    assert "state.json: the seal of the saved state does not hold" in ended.err
    assert tracker.effects == []


@pytest.mark.parametrize("content", [b"", b"{}", b"hello", b"\xff"])
def test_what_is_no_state_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT) as service:
        shell = Shell(folder=tmp_path)
        shell.configure(service, None)
        file = shell.folder / "state.json"
        file.write_bytes(content)
        ended = shell.here("hello", "--state", "state.json")

        assert service.posts == 0

    assert ended.code == 2
    assert "state.json" in ended.err
    assert file.read_bytes() == content


def test_a_state_that_another_process_uses_is_refused(shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        with StateFile(shell.folder / "state.json").locked():
            resumed = shell.run("--resume", "state.json", "--decide", f"{question}=yes")
            continued = shell.here("hello", "--state", "state.json")

        assert service.posts == 1

    for ended in (resumed, continued):
        assert ended.code == 2
        assert "state.json is in use by another mcpbridge process" in ended.err
    assert shell.records("decision") == []


def test_there_must_be_something_to_resume(shell: Shell) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, None)
        ended = shell.here("--resume", "nothing.json")

    assert ended.code == 2
    assert "there is no saved state in nothing.json" in ended.err


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "s.json")
    assert file.read() is None
    file.write("one")
    first = (tmp_path / "s.json").stat().st_ino
    file.write("two")

    assert file.read() == "two"
    assert (tmp_path / "s.json").stat().st_ino != first
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "s.json")
    (tmp_path / "s.json").mkdir()

    with pytest.raises(McpbridgeError, match=r"cannot be saved in .*s\.json: "):
        file.write("one")
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


def test_a_folder_is_no_state_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"), StateFile(tmp_path).locked():
        pass
    lost = StateFile(tmp_path / "no" / "s.json")
    with pytest.raises(UsageError, match="folder that does not exist"), lost.locked():
        pass
    with pytest.raises(StateRefused, match="cannot be read"):
        StateFile(tmp_path).read()


def test_a_lock_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.json.lock").mkdir()

    with pytest.raises(UsageError, match="cannot be locked"), StateFile(tmp_path / "s.json").locked():
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_stays_a_link_and_shares_the_lock_of_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to("s.json")
    StateFile(tmp_path / "link.json").write("one")

    assert (tmp_path / "s.json").read_text() == "one"
    assert os.readlink(tmp_path / "link.json") == "s.json"
    link, target = StateFile(tmp_path / "link.json"), StateFile(tmp_path / "s.json")
    with link.locked(), pytest.raises(UsageError, match="in use"), target.locked():
        pass


def test_a_state_that_cannot_be_saved_stops_before_anything_is_sent(shell: Shell, tracker: Tracker) -> None:
    name = "s" * 248  # as long as names may be, so that there is no room for the temporary one
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        ended = shell.here("read", "--state", name)

        assert service.posts == 0

    assert ended.code == 1
    assert f"the state cannot be saved in {name}: " in ended.err
    assert not (shell.folder / name).exists()
