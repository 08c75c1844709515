"""`bridge.server(label)`: the owner's own code reads resources and prompts; each reading is on record."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Frozen, Gate, ServerReader, ServerUnavailable, UsageError
from mcpbridge.adapters.freeze_file import FreezeFile
from mcpbridge.audit import read
from mcpbridge.errors import AuditUnavailable
from mcpbridge.ports import Record
from mcpbridge.testing import FakeToolbox, MemoryAudit
from tests.bridged.library import GREET, SHELF, Library, library
from tests.bridged.scene import Scene
from tests.cli_other.shared import environment
from tests.records import problems


@pytest.fixture
def lib() -> Generator[Library, None, None]:
    with library() as found:
        yield found


def reading(scene: Scene, story: Callable[[ServerReader], Awaitable[Any]], **options: Any) -> Any:
    """What `story` makes of the server `lib`."""

    async def whole() -> Any:
        async with scene.bridge() as bridge:
            return await story(bridge.server("lib", **options))

    return asyncio.run(whole())


@pytest.mark.promise("bridged-reader")
def test_resources_and_prompts_are_read_without_a_model_and_without_offer(
    lib: Library, tmp_path: Path
) -> None:
    scene = lib.scene(tmp_path, offer="[]")

    async def story(server: ServerReader) -> tuple[Any, ...]:
        return (
            await server.resources(),
            await server.templates(),
            await server.read("demo://tides"),
            await server.prompts(),
            await server.prompt("greet", {"who": "Ada"}),
        )

    shelf, templates, text, prompts, messages = reading(scene, story)

    assert list(shelf) == SHELF
    assert [one["uriTemplate"] for one in templates] == ["demo://{day}"]
    assert text == "inside demo://tides"
    assert list(prompts) == [GREET]
    assert messages == (("user", "Hello Ada"),)
    assert [record["method"] for record in scene.records("read_asked")] == [
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
    ]
    assert scene.records("decision") == []
    assert [problem for record in scene.audit.records for problem in problems(record)] == []


@pytest.mark.promise("bridged-reader")
def test_a_reading_is_on_record_before_anything_is_sent_and_before_anybody_has_it(
    lib: Library, tmp_path: Path
) -> None:
    scene = lib.scene(tmp_path)
    before: list[str] = []

    def answer(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        before.extend(record["type"] for record in scene.audit.records if record["type"].startswith("read_"))
        return {"contents": [{"uri": asked["uri"], "text": "low at noon"}]}

    lib.answers("resources/read", answer)

    assert reading(scene, lambda server: server.read("demo://tides"), principal="ana") == "low at noon"

    assert before == ["read_asked"]
    [asked], [answered] = scene.records("read_asked"), scene.records("read_answered")
    assert (asked["server_label"], asked["tool"], asked["principal"]) == ("lib", "read_resource", "ana")
    assert asked["arguments"] == {"uri": "demo://tides"}
    assert asked["server_identity"] == lib.web.url
    assert answered["request_id"] == asked["request_id"]
    assert (answered["status"], answered["is_error"], answered["result_size"]) == ("completed", False, 11)
    assert answered["result_sha256"] == hashlib.sha256(b"low at noon").hexdigest()
    assert "low at noon" not in json.dumps(scene.audit.records)


class Refusing(MemoryAudit):
    """A log that cannot write records of one type."""

    def __init__(self, refused: str) -> None:
        super().__init__()
        self._refused = refused

    async def append(self, record: Record) -> int:
        if record.type == self._refused:
            raise AuditUnavailable("the disk is full")
        return await super().append(record)


@pytest.mark.promise("bridged-reader")
@pytest.mark.parametrize(("refused", "sent"), [("read_asked", 0), ("read_answered", 1)])
def test_what_cannot_be_recorded_is_not_sent_or_not_given(
    lib: Library, tmp_path: Path, refused: str, sent: int
) -> None:
    scene = lib.scene(tmp_path)
    scene.audit = Refusing(refused)

    with pytest.raises(AuditUnavailable):
        reading(scene, lambda server: server.read("demo://tides"))

    assert len(lib.sent("resources/read")) == sent


@pytest.mark.promise("bridged-reader")
def test_a_reading_that_fails_is_on_record_with_what_failed(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(tmp_path)
    del lib.web.on["resources/read"]

    with pytest.raises(ServerUnavailable):
        reading(scene, lambda server: server.read("demo://tides"))

    [answered] = scene.records("read_answered")
    assert (answered["status"], answered["is_error"]) == ("failed", True)
    assert answered["error"]


def test_a_reading_that_is_cancelled_is_on_record_as_stopped(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(tmp_path)

    async def story(server: ServerReader) -> None:
        arrived, loop = asyncio.Event(), asyncio.get_running_loop()
        over = asyncio.Event()

        def answer(_asked: Mapping[str, Any]) -> Mapping[str, Any]:
            loop.call_soon_threadsafe(arrived.set)
            asyncio.run_coroutine_threadsafe(over.wait(), loop).result(20)
            return {"contents": []}

        lib.answers("resources/read", answer)
        task = asyncio.create_task(server.read("demo://tides"))
        await arrived.wait()
        task.cancel()
        await asyncio.wait({task})
        over.set()
        assert task.cancelled()

    reading(scene, story)

    assert [record["status"] for record in scene.records("read_answered")] == ["stopped"]


@pytest.mark.parametrize(("level", "shown"), [("none", False), ("metadata", False), ("arguments", True)])
def test_the_log_keeps_of_a_reading_what_it_keeps_of_the_same_call_of_a_model(
    lib: Library, tmp_path: Path, level: str, shown: bool
) -> None:
    scene = lib.scene(tmp_path)
    scene.audit = MemoryAudit(levels={"lib.read_resource": level})

    reading(scene, lambda server: server.read("demo://people/ada"))

    assert ("demo://people/ada" in json.dumps(scene.audit.records)) is shown
    assert [problem for record in scene.audit.records for problem in problems(record)] == []


@pytest.mark.promise("bridged-reader")
def test_nothing_is_read_while_everything_is_frozen(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(tmp_path)
    FreezeFile.of(scene.config().audit.path).freeze(by="ana", at="noon", reason="an incident")

    with pytest.raises(
        Frozen, match=r"Everything is frozen by ana since noon: an incident\..*nothing was sent"
    ):
        reading(scene, lambda server: server.resources())

    assert lib.asked == []


def test_credentials_that_a_server_repeats_are_masked(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(tmp_path, extra=', headers: {Authorization: "Bearer ${file:token}"}')
    (tmp_path / "token").write_text("canary-token-77ab")
    echoed = {"contents": [{"uri": "demo://a", "text": "you sent canary-token-77ab"}]}
    lib.answers("resources/read", lambda _: echoed)

    assert reading(scene, lambda server: server.read("demo://a")) == "you sent [secret]"
    assert "canary" not in json.dumps(scene.audit.records)


def test_a_server_that_nobody_can_read_here_is_refused_with_what_to_write(
    lib: Library, tmp_path: Path
) -> None:
    scene = lib.scene(tmp_path)
    hosted = lib.scene(tmp_path, offer="[]", via="hosted", profile="openai")
    given = lib.scene(tmp_path)
    given.boxes = {"lib": FakeToolbox("search")}

    async def story() -> None:
        async with scene.bridge() as bridge:
            with pytest.raises(UsageError, match=r"no server 'libb' is declared; there are: lib"):
                bridge.server("libb")
            server = bridge.server("lib")
            await bridge.remove("lib")
            with pytest.raises(UsageError, match="no server 'lib' is declared"):
                await server.resources()
        async with hosted.bridge() as bridge:
            with pytest.raises(UsageError, match="declare it with via: bridge"):
                bridge.server("lib")
        async with given.bridge() as bridge:
            with pytest.raises(
                UsageError, match="the toolbox given for 'lib' reads no resources and prompts"
            ):
                await bridge.server("lib").resources()

    asyncio.run(story())


def test_a_gate_has_the_same_way_in(lib: Library, tmp_path: Path) -> None:
    scene = lib.scene(tmp_path)

    async def story() -> None:
        async with Gate.from_yaml(scene.config(), audit=scene.audit) as gate:
            assert await gate.server("lib").read("demo://tides") == "inside demo://tides"

    asyncio.run(story())
    assert len(scene.records("read_answered")) == 1


@pytest.mark.promise("bridged-reader")
def test_the_documented_program_runs_as_it_stands(lib: Library, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "bridged.md").read_text(encoding="utf-8")
    program = re.search(r"### From Python\n.*?```python\n(.*?)```", page, re.DOTALL)
    assert program is not None
    tides = {"uri": "notes://public/tides.md", "name": "tides", "mimeType": "text/markdown"}
    lib.answers("resources/list", lambda _: {"resources": [tides]})
    (tmp_path / "policy.yaml").write_text("version: 1\ndefaults: {decision: deny}\n")
    (tmp_path / "mcpbridge.yaml").write_text(
        "model: {name: m, endpoint: local}\npolicy: policy.yaml\naudit: {path: audit}\n"
        f"servers: [{{label: notes, via: bridge, url: '{lib.web.url}'}}]\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program[1]],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines() == [
        "notes://public/tides.md text/markdown",
        "inside notes://public/tides.md",
        "user Hello Ada",
    ], done.stderr
    asked = [record for record in read(tmp_path / "audit") if record["type"] == "read_asked"]
    assert [record["principal"] for record in asked] == ["ana"] * 3
