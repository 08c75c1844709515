"""Servers that are programs: started, spoken to, cut, cleaned and ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.adapters.mcp_servers.settings import Bounds, StdioCommand
from mcpbridge.core.secret import Secret
from mcpbridge.errors import CallTimedOut, OutcomeLost, ServerUnavailable, ToolsChanged
from mcpbridge.ports import Elicited
from tests.mcp_servers.scene import Person, call, noted, program, toolbox, until


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # it went before, or while it was looked at
        return False
    return state != "Z"


@pytest.mark.promise("bridged-lost")
def test_a_program_that_dies_in_a_call_leaves_the_outcome_unknown_and_is_started_again() -> None:
    async def story() -> None:
        async with toolbox(program()) as box:
            first = await box.tools()
            with pytest.raises(OutcomeLost, match="srv: the connection was lost while die ran") as lost:
                await call(box, "die")
            assert not isinstance(lost.value, CallTimedOut)
            with pytest.raises(ToolsChanged):
                await box.call("echo", {}, epoch=first.epoch, meta={}, seconds=9.0)
            again = await box.tools()
            assert again.epoch > first.epoch
            assert (await call(box, "echo", {"a": 1})).parts == '{"a": 1}'

    asyncio.run(story())


@pytest.mark.promise("bridged-deadline")
def test_a_mute_program_is_given_up_after_our_deadline_and_ended() -> None:
    async def story() -> None:
        bounds = Bounds(connect=0.2, goodbye=0.1)
        async with toolbox(program("--mute"), bounds=bounds) as box:
            with pytest.raises(ServerUnavailable, match="srv: it did not answer in time"):
                await box.tools()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/no/such/program", "no program /no/such/program"),
        ("no-such-program", "no program no-such-program in PATH"),
        ("./script", "./script names an interpreter that is not there"),
    ],
)
def test_a_program_that_cannot_be_started_is_named_with_the_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o700)
    with pytest.raises(ServerUnavailable) as caught:
        asyncio.run(listed(StdioCommand(command=(name,), folder=tmp_path)))
    assert str(caught.value) == f"srv: it cannot be started or reached ({reason})"


def test_a_folder_that_is_gone_is_named_instead_of_the_program(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with pytest.raises(ServerUnavailable) as caught:
        asyncio.run(listed(StdioCommand(command=(sys.executable,), folder=folder)))
    assert f"(the folder {folder} does not exist)" in str(caught.value)


def test_a_program_that_prints_plain_text_is_told_with_the_beginning_of_it() -> None:
    words = "input(); print('\\x1b[2JServing on port 8000 ' + 'x' * 200)"
    with pytest.raises(ServerUnavailable) as caught:
        asyncio.run(listed(python(words)))
    shown = ("\\u001b[2JServing on port 8000 " + "x" * 200)[:100]
    assert f"; it printed text that is not JSON-RPC: {shown}…; it ended with" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("import sys; sys.exit(7)", "exit status 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ],
)
def test_a_program_that_ends_at_once_is_told_with_how_it_ended(words: str, status: str) -> None:
    with pytest.raises(ServerUnavailable, match=f"; it ended with {status}$"):
        asyncio.run(listed(python(words)))


def python(code: str) -> StdioCommand:
    return StdioCommand(command=(sys.executable, "-I", "-S", "-c", code))


async def listed(address: StdioCommand) -> None:
    async with toolbox(address) as box:
        await box.tools()


@pytest.mark.promise("bridged-cut")
@pytest.mark.parametrize("tool", ["huge", "late-huge"])
def test_a_result_that_is_too_large_to_read_is_told_as_executed_and_the_next_call_works(tool: str) -> None:
    async def story() -> None:
        async with toolbox(program(), bounds=Bounds(answer_bytes=100_000)) as box:
            answer = await call(box, tool, {"size": 20_000_000})
            assert answer.is_error == "invalid"
            assert answer.truncated
            assert answer.size > 20_000_000
            assert f"{tool} ran, but its result has more than 100,000 bytes" in str(answer.parts)
            assert (await call(box, "echo")).parts == "{}"

    asyncio.run(story())


@pytest.mark.promise("bridged-cut")
def test_a_long_result_is_cut_and_the_cut_is_told() -> None:
    async def story() -> None:
        async with toolbox(program(), bounds=Bounds(result_bytes=1_000)) as box:
            answer = await call(box, "huge", {"size": 5_000})
            assert answer.truncated
            assert answer.size == 5_000
            text = str(answer.parts)
            assert text.startswith("x" * 1_000 + "\n")
            assert "the result was cut: it has 5,000 bytes, and 1,000 of text are shown" in text

    asyncio.run(story())


@pytest.mark.promise("bridged-stderr")
def test_standard_error_comes_line_by_line_without_control_characters_and_noise_ends_nothing() -> None:
    said: list[str] = []

    async def story() -> None:
        async with toolbox(program(said=said.append)) as box:
            assert (await call(box, "noise")).parts == "noisy"
            await until(lambda: len(said) == 2)

    asyncio.run(story())
    assert said[0] == "\\u001b[31mred\\u001b[0m alert"
    assert set(said[1]) == {"y"}
    assert len(said[1]) == 2_000


def test_closing_ends_the_program_and_what_it_started() -> None:
    async def story() -> int:
        async with toolbox(program()) as box:
            child = int(str((await call(box, "child")).parts))
            assert alive(child)
        await until(lambda: not alive(child))
        return child

    asyncio.run(story())


STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[1] + "~", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[1] + "~", sys.argv[1])
while True:
    signal.pause()
"""


def signal_to_send(name: str) -> int:
    """Its number; skips where whoever started this has it ignored, which programs inherit."""
    number: int = getattr(signal, name, signal.SIGINT)
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip(f"{name} is ignored here, as under nohup")
    return number


def stubborn(noted_in: Path) -> StdioCommand:
    """A program that says nothing, and heeds neither the end of its input nor SIGTERM."""
    return StdioCommand(command=(sys.executable, "-c", STUBBORN, str(noted_in)))


@pytest.mark.promise("bridged-nothing-left")
def test_a_stubborn_program_is_ended_where_the_opening_is_given_up(tmp_path: Path) -> None:
    """Naively, a second `Task.cancel()` ends the ending: anyio's shield does not hold against it."""

    async def story() -> None:
        pid = tmp_path / "pid"
        async with toolbox(stubborn(pid), bounds=Bounds(goodbye=0.1)) as box:
            opening = asyncio.create_task(box.tools())
            await until(pid.exists)
            opening.cancel()
        assert not alive(int(pid.read_text()))

    asyncio.run(story())


@pytest.mark.promise("bridged-nothing-left")
def test_a_stubborn_program_is_ended_where_its_ending_is_cancelled_too(tmp_path: Path) -> None:
    async def story() -> None:
        pid = tmp_path / "pid"
        async with toolbox(stubborn(pid), bounds=Bounds(goodbye=3600.0)) as box:
            opening = asyncio.create_task(box.tools())
            await until(pid.exists)
            (owner,) = (task for task in asyncio.all_tasks() if task.get_name() == "mcp server srv")
            for _ in range(3):
                owner.cancel()
                for _ in range(20):  # passes of the loop: it is in the middle of its goodbye by then
                    await asyncio.sleep(0)
            await asyncio.wait({owner, opening})
            await until(lambda: not alive(int(pid.read_text())))

    asyncio.run(story())


def test_a_program_gets_its_own_variables_and_few_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ours")

    async def environment() -> Mapping[str, Secret]:
        return {"GIVEN": Secret("to it")}

    async def story() -> dict[str, str]:
        base = program()
        async with toolbox(StdioCommand(command=base.command, environment=environment)) as box:
            return json.loads(str((await call(box, "environment")).parts))  # type: ignore[no-any-return]

    found = asyncio.run(story())
    assert found["GIVEN"] == "to it"
    assert "OPENAI_API_KEY" not in found
    assert found["PATH"] == os.environ["PATH"]


@pytest.mark.promise("bridged-cancelled")
@pytest.mark.parametrize("by", ["deadline", "task"])
def test_a_call_that_is_given_up_is_cancelled_at_the_server(tmp_path: Path, by: str) -> None:
    calls = tmp_path / "calls"

    async def story() -> None:
        async with toolbox(program(calls=calls)) as box:
            await box.tools()
            if by == "deadline":
                with pytest.raises(CallTimedOut, match=r"slow gave no answer within 0\.2 s"):
                    await call(box, "slow", seconds=0.2)
            else:
                task = asyncio.create_task(call(box, "slow", seconds=None))
                await until(lambda: bool(noted(calls)))
                task.cancel()
                await asyncio.wait({task})
            await until(lambda: noted(calls)[-1][0] == "cancelled")
            assert (await call(box, "echo")).parts == "{}"

    asyncio.run(story())


def test_progress_is_passed_on_cleaned() -> None:
    person = Person()

    async def story() -> None:
        async with toolbox(program()) as box:
            await call(box, "progress", observer=person)
            await until(lambda: bool(person.heard))

    asyncio.run(story())
    assert [(p.progress, p.total, p.message) for p in person.heard] == [(1.0, 2.0, "half\\u001b[2J")]


@pytest.mark.promise("bridged-asked")
@pytest.mark.parametrize("content", [{"name": "Bo"}, {}])
def test_a_question_is_put_to_the_person_and_what_is_answered_is_sent(content: dict[str, Any]) -> None:
    """And nothing more: a person may leave out what the server's form would have filled in."""
    person = Person(answer=Elicited(action="accept", content=content))

    async def story() -> str:
        async with toolbox(program()) as box:
            return str((await call(box, "ask", observer=person)).parts)

    assert json.loads(asyncio.run(story())) == {"action": "accept", "content": content}
    assert [(q.server_label, q.tool, q.message, q.mode) for q in person.asked] == [
        ("srv", "ask", "Who?", "form")
    ]


def test_the_call_s_clock_stands_still_while_a_person_thinks() -> None:
    async def think() -> None:
        await asyncio.sleep(0.6)

    async def story() -> str:
        async with toolbox(program()) as box:
            return str((await call(box, "ask", seconds=0.5, observer=Person(first=think))).parts)

    assert "decline" in asyncio.run(story())


def test_a_question_is_refused_where_nobody_follows_the_call() -> None:
    async def story() -> str:
        async with toolbox(program()) as box:
            return str((await call(box, "ask")).parts)

    assert "nobody can be asked" in asyncio.run(story())


def test_declaring_a_server_does_not_load_the_sdk() -> None:
    """It takes more than a second, and is loaded where a bridged server is first used."""
    code = "import sys, mcpbridge.adapters.mcp_servers.toolbox; sys.exit('mcp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
