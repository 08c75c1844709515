"""What people and models are told about bridged servers where something is not as it was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge import Event, Notice
from mcpbridge.testing import FakeToolbox, function_call, message, response
from tests.bridged.scene import Scene


def test_a_function_that_was_never_given_out_is_named_as_the_model_called_it(tmp_path: Path) -> None:
    box = FakeToolbox("a.dotted.name")
    names = ["docs__a.dotted.name", "mislaid", f"docs__{'x' * 200}"]
    calls = [function_call(name, {}, call_id=name) for name in names]
    scene = Scene(folder=tmp_path, boxes={"docs": box}, steps=[response(*calls), response(message("none"))])

    scene.run("go")

    assert box.calls == []
    told = [str(scene.outputs()[name]).partition("Reason: ")[2] for name in names]
    assert told == [
        "No tool or function here is called `docs__a.dotted.name`.",
        "No tool or function here is called `mislaid`.",
        f"No tool or function here is called `docs__{'x' * 57}…`.",
    ]
    decided = scene.records("decision")
    assert {record["outcome"] for record in decided} == {"unknown_tool"}


FALLS_BACK = "{extends: local, hosted_mcp: false}"
AUTO = '\n  - {label: docs, via: auto, url: "https://docs.example/mcp"}\n'
LIMITED = (
    '\n  - {label: docs, via: bridge, url: "https://docs.example/mcp", allowed_tools: [add, substract]}\n'
)


def told(scene: Scene, kind: str, *prompts: str | Callable[[], None]) -> list[str]:
    """The notices of this kind in one conversation."""
    seen: list[Event] = []
    scene.run(*prompts, on_event=seen.append)
    return [event.message for event in seen if isinstance(event, Notice) and event.type == kind]


@pytest.mark.promise("bridged-fallback-told")
def test_a_server_that_falls_back_to_us_is_told_once_in_a_conversation(tmp_path: Path) -> None:
    steps = [response(message("one")), response(message("two"))]
    scene = Scene(
        folder=tmp_path,
        boxes={"docs": FakeToolbox("search")},
        steps=steps,
        servers=AUTO,
        profile=FALLS_BACK,
    )

    assert told(scene, "capability_fallback", "go", "go on") == [
        "docs (via: auto) is connected to from here: the profile 'custom' does not say hosted_mcp"
    ]
    assert len(scene.records("capability_fallback")) == 1


def test_a_server_that_is_bridged_as_it_says_is_no_notice(tmp_path: Path) -> None:
    scene = Scene(folder=tmp_path, boxes={"docs": FakeToolbox("search")}, steps=[response(message("one"))])

    assert told(scene, "capability_fallback", "go") == []


@pytest.mark.promise("allowed-tools-unlisted-told")
def test_a_name_in_allowed_tools_that_the_server_does_not_list_is_told_once(tmp_path: Path) -> None:
    box = FakeToolbox("add", "subtract")
    scene = Scene(
        folder=tmp_path,
        boxes={"docs": box},
        steps=[response(message(text)) for text in ("one", "two", "three", "four")],
        servers=LIMITED,
    )

    assert told(
        scene,
        "tool_not_listed",
        "go",
        "go on",
        lambda: box.offer("subtract"),
        "and on",
        lambda: box.offer("add"),
        "to the end",
    ) == [
        "docs does not list substract, which stands in its allowed_tools",
        "docs does not list add, which stands in its allowed_tools",
    ]
