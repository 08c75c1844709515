"""Roots, and whatever else a server asks for outside any call: answered by configuration alone, on record."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge import Approve, CallbackApprover, Question
from mcpbridge.config import load_config_text
from mcpbridge.errors import AuditUnavailable, ConfigurationError
from mcpbridge.ports import Record
from mcpbridge.testing import FixedClock, MemoryAudit, function_call, message, response
from tests.bridged.asking import ROOTS, asker
from tests.bridged.scene import Scene

EARLY = Path(__file__).with_name("early.py")


def nobody(_: Question) -> Approve:
    raise AssertionError("a person was asked")


def early(folder: Path, asks: Sequence[str], *tools: str, extra: str = "", **more: Any) -> Scene:
    """A program that asks at once. The model calls these tools, one after the other."""
    command = json.dumps([sys.executable, "-I", "-S", str(EARLY), *asks])
    steps = [response(function_call(f"early__{tool}", {}, call_id=tool)) for tool in tools]
    servers = f"\n  - {{label: early, via: bridge, command: {command}{extra}}}\n"
    return Scene(
        folder=folder,
        boxes={},
        steps=[*steps, response(message("done"))],
        servers=servers,
        approver=CallbackApprover(nobody),
        **more,
    )


@pytest.mark.promise("bridged-roots")
def test_a_server_is_told_the_configured_roots_on_record_and_no_person_is_asked(tmp_path: Path) -> None:
    (tmp_path / "notes & plans").mkdir()
    scene = early(tmp_path, ["roots/list"], "said", extra=', roots: ["notes & plans"]')

    scene.run("go")

    uri = (tmp_path / "notes & plans").as_uri()
    capabilities, told = json.loads(scene.outputs()["said"])
    assert "roots" in capabilities
    assert told == {"roots": [{"uri": uri, "name": "notes & plans"}]}
    [record] = scene.records("roots_asked")
    assert (record["server_label"], record["roots"]) == ("early", [uri])


@pytest.mark.promise("bridged-roots")
def test_in_the_middle_of_a_call_the_record_names_the_call(tmp_path: Path) -> None:
    scene = early(tmp_path, [], "roots", extra=", roots: [.]")

    scene.run("go")

    [record] = scene.records("roots_asked")
    assert (record["request_id"], record["tool"], record["conversation_id"]) == ("roots", "roots", "conv_1")


@pytest.mark.promise("bridged-roots")
def test_in_rounds_of_the_newer_era_they_are_told_in_the_same_way(tmp_path: Path) -> None:
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as site:
        server = asker(site, modern=True, questions=[ROOTS])
        scene = server.scene(tmp_path, extra=", roots: [.]")
        scene.run("go")

    assert server.answers == [{"roots": [{"uri": tmp_path.as_uri(), "name": tmp_path.name}]}]
    assert scene.records("roots_asked")[0]["request_id"] == "call_1"


@pytest.mark.promise("bridged-sampling-refused")
@pytest.mark.parametrize("extra", ["", ", sampling: ask"], ids=["not configured", "configured"])
@pytest.mark.parametrize("method", ["sampling/createMessage", "elicitation/create"])
def test_what_a_server_asks_outside_any_call_is_refused_on_record(
    tmp_path: Path, method: str, extra: str
) -> None:
    scene = early(tmp_path, [method], "said", extra=extra)

    scene.run("go")

    _, told = json.loads(scene.outputs()["said"])
    offered = method != "sampling/createMessage" or extra
    why = "outside any call" if offered else "which is not offered to it"
    assert told == {"code": -32600, "message": f"it asked for {method}, {why}"}
    [record] = scene.records("server_request_refused")
    assert (record["method"], record["server_label"]) == (method, "early")
    assert "request_id" not in record


@pytest.mark.promise("bridged-roots")
def test_what_is_not_configured_is_not_declared_and_a_server_that_asks_is_refused(tmp_path: Path) -> None:
    scene = early(tmp_path, ["roots/list"] * 30, "said")

    scene.run("go")

    capabilities, *told = json.loads(scene.outputs()["said"])
    assert capabilities == ["elicitation"]
    assert {answer["message"] for answer in told} == {"it asked for roots/list, which is not offered to it"}
    assert len(scene.records("server_request_refused")) == 20
    assert scene.records("roots_asked") == []


class NoRoots(MemoryAudit):
    """A log that cannot take this one record."""

    async def append(self, record: Record) -> int:
        if record.type == "roots_asked":
            raise AuditUnavailable("the disk is full")
        return await super().append(record)


def test_what_cannot_be_recorded_is_not_answered(tmp_path: Path) -> None:
    audit = NoRoots(clock=FixedClock())
    scene = early(tmp_path, ["roots/list"], "said", extra=", roots: [.]", audit=audit)

    scene.run("go")

    _, told = json.loads(scene.outputs()["said"])
    assert told == {"code": -32600, "message": "there is no answer"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("roots: [nowhere]", "servers[x].roots[0]: there is no {folder}/nowhere; name a folder or a file"),
        ("roots: [., .]", "stands twice; remove one"),
        ("roots: here", "servers[x].roots must be a list, not text; write [here]"),
        ("roots: 'here, there'", "servers[x].roots must be a list, not text; write [A, B]"),
        (
            "offer: [resources, files]",
            "servers[x].offer[1]: 'files' cannot be offered; write resources or prompts",
        ),
        ("offer: resources", "servers[x].offer must be a list, not text; write [resources]"),
        ("offer: [prompts, prompts]", "prompts stands twice; remove one"),
        ("sampling: yes", "servers[x].sampling cannot be 'yes'; write one of: ask, refuse, review"),
        ("sampling: allow", "servers[x].sampling cannot be 'allow'; "),
        ("sampling_max_tokens: 0", "servers[x].sampling_max_tokens must be at least 1"),
    ],
)
def test_a_wrong_value_is_told_with_its_line_and_what_to_write(
    tmp_path: Path, keys: str, expected: str
) -> None:
    text = (
        "model: {name: m, endpoint: openai}\npolicy: read-only\nservers:\n"
        f"  - label: x\n    via: bridge\n    url: https://x.example/mcp\n    {keys}\n"
    )

    with pytest.raises(ConfigurationError) as caught:
        load_config_text(text, file="mcpbridge.yaml", directory=tmp_path)

    [problem] = caught.value.problems
    assert (problem.file, problem.line) == ("mcpbridge.yaml", 7)
    assert expected.format(folder=tmp_path) in problem.message


@pytest.mark.parametrize("keys", ["offer: [resources]", "roots: [.]", "sampling: ask"])
def test_what_only_a_bridged_server_can_have_is_refused_for_a_hosted_one(tmp_path: Path, keys: str) -> None:
    text = (
        "model: {name: m, endpoint: openai}\npolicy: read-only\nservers:\n"
        f"  - label: x\n    url: https://x.example/mcp\n    {keys}\n"
    )

    with pytest.raises(
        ConfigurationError, match="is for a server that mcpbridge connects to; write via: bridge"
    ):
        load_config_text(text, file="mcpbridge.yaml", directory=tmp_path)
