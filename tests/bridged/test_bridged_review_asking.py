"""What a review of servers' questions found: each of these failed once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge import Approve, CallbackApprover, Gate, MemoryAudit, Question
from mcpbridge.bridge.assembly import assemble
from mcpbridge.config import load_config_text
from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.secret import Secret
from mcpbridge.testing import FakeToolbox, Step, message, response
from tests.bridged.asking import SAMPLE, asker, wish
from tests.bridged.scene import ALL

CANARY = "sk-canary-0123456789abcdef"
FORM = {"type": "object", "properties": {"name": {"type": "string", "default": "box"}}}
ELICIT: dict[str, Any] = {
    "method": "elicitation/create",
    "params": {"message": "Whose?", "requestedSchema": FORM},
}
BOTH = ", elicitation: ask, sampling: ask"
WORDS: Step = response(message("The tide is high."))
APPROVERS = "approvers: [{tools: ['asker.*'], quorum: 2, of: [ana, ben]}]\n"


@pytest.fixture
def site() -> Generator[HTTPServer, None, None]:
    server = HTTPServer(host="127.0.0.1", port=0, threaded=True)
    server.start()
    try:
        yield server
    finally:
        server.clear()
        server.stop()


def freeze(folder: Path) -> None:
    (folder / "audit").mkdir(exist_ok=True)
    (folder / "audit" / "frozen.json").write_text("{}")


@pytest.mark.promise("bridged-questions-freeze")
@pytest.mark.parametrize("question", [ELICIT, SAMPLE], ids=["a form", "words"])
def test_a_freeze_that_comes_while_a_person_reads_is_obeyed(
    site: HTTPServer, tmp_path: Path, question: Any
) -> None:
    def answer(_: Question) -> Approve:
        freeze(tmp_path)
        return Approve(by="ana")

    server = asker(site, modern=False, questions=[question])
    scene = server.scene(tmp_path, extra=BOTH, approver=CallbackApprover(answer))

    scene.run("go")

    assert len(scene.model.requests) == 2  # the conversation's own
    [answered] = server.answers
    assert "content" not in answered
    [said] = scene.records("elicitation_answered", "sampling_decided")
    assert said["answer"] == "cancel"
    assert "frozen" in said["reason"]


@pytest.mark.promise("bridged-questions-freeze")
def test_a_freeze_that_comes_while_the_model_thinks_keeps_its_words_from_the_server(
    site: HTTPServer, tmp_path: Path
) -> None:
    def thinks(_: Any) -> Any:
        freeze(tmp_path)
        return WORDS

    server = asker(site, modern=False, questions=[SAMPLE])
    yes = CallbackApprover(lambda _: Approve(by="ana"))
    scene = server.scene(tmp_path, thinks, extra=BOTH, approver=yes)

    scene.run("go")

    assert server.answers == [{"code": -1, "message": "sampling was refused"}]
    assert "frozen" in scene.records("sampling_answered")[0]["reason"]


@pytest.mark.promise("bridged-questions-approvers")
@pytest.mark.parametrize("question", [ELICIT, SAMPLE], ids=["a form", "words"])
@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (Approve(by="ana", authenticated=True), True),
        (Approve(by="ana"), False),
        (Approve(by="eve", authenticated=True), False),
    ],
    ids=["one of them", "a claim", "somebody else"],
)
def test_where_policies_name_who_agrees_to_calls_only_they_answer_in_the_middle_of_one(
    site: HTTPServer, tmp_path: Path, question: Any, given: Approve, counts: bool
) -> None:
    server = asker(site, modern=False, questions=[question])
    scene = server.scene(tmp_path, *([WORDS] if counts and question is SAMPLE else []), extra=BOTH)
    scene.approver = CallbackApprover(lambda _: given)
    scene.policy += APPROVERS

    scene.run("go")

    [answered] = server.answers
    assert ("content" in answered) is counts
    [said] = scene.records("elicitation_answered", "sampling_decided")
    assert (said["answer"], said["authenticated"]) == ("accept" if counts else "cancel", given.authenticated)


@pytest.mark.parametrize(
    "question",
    [
        {**ELICIT, "params": {"message": "x" * 3_000_000, "requestedSchema": FORM}},
        wish(systemPrompt="x" * 3_000_000),
    ],
    ids=["a form", "words"],
)
def test_what_is_too_long_to_be_read_is_neither_shown_nor_kept(
    site: HTTPServer, tmp_path: Path, question: Any
) -> None:
    def nobody(_: Question) -> Approve:
        raise AssertionError("a person was asked")

    server = asker(site, modern=False, questions=[question])
    scene = server.scene(tmp_path, extra=BOTH, approver=CallbackApprover(nobody))

    scene.run("go")

    assert "content" not in server.answers[0]
    assert len(json.dumps(scene.audit.records, default=str)) < 100_000
    assert sum(map(len, scene.audit.blobs.values())) < 100_000


@pytest.mark.promise("credentials-masked-questions")
def test_a_server_that_repeats_its_credential_tells_it_to_no_person_and_no_model(
    site: HTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(CANARY)
    form = {"type": "object", "properties": {"name": {"type": "string", "title": CANARY}}}
    questions = [
        {**ELICIT, "params": {"message": CANARY, "requestedSchema": form}},
        wish(messages=[{"role": "user", "content": {"type": "text", "text": f"use {CANARY}"}}]),
    ]
    shown: list[str] = []

    def answer(question: Question) -> Approve:
        shown.append(f"{question.screen} {question.wanted}")
        return Approve(by="ana")

    server = asker(site, modern=True, questions=questions)
    extra = f'{BOTH}, headers: {{X-Token: "${{file:token}}"}}'
    scene = server.scene(tmp_path, WORDS, extra=extra, approver=CallbackApprover(answer))

    scene.run("go")

    assert len(server.answers) == 2
    assert len(shown) == 2
    assert all("[secret]" in one for one in shown)
    assert "use [secret]" in json.dumps(scene.model.requests)
    assert CANARY not in f"{shown} {scene.model.requests}"


@pytest.mark.promise("credentials-masked-questions")
def test_a_credential_in_a_tools_description_is_not_sent_to_the_provider(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CANARY)
    told = ToolDefinition(name="read", description=f"Uses {CANARY}.", input_schema={"type": "object"})
    (tmp_path / "policy.yaml").write_text(ALL)
    text = (
        "model: {name: m, endpoint: local}\npolicy: policy.yaml\nservers:\n"
        '  - {label: docs, via: bridge, url: "https://docs.example/mcp", headers: {X: "${file:token}"}}\n'
    )
    config = load_config_text(text, file="mcpbridge.yaml", directory=tmp_path)

    async def whole() -> list[dict[str, Any]]:
        assembly = assemble(config, audit=MemoryAudit())
        assembly.mask.add([Secret(CANARY)])
        assembly.toolboxes.openers["docs"] = lambda: FakeToolbox(told, label="docs")
        async with Gate(assembly) as gate:
            return await gate.tools_async()

    assert [tool["description"] for tool in asyncio.run(whole())] == ["Uses [secret]."]


def test_what_the_model_thought_is_not_for_a_server(site: HTTPServer, tmp_path: Path) -> None:
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "the user is rich"}],
    }
    server = asker(site, modern=True, questions=[SAMPLE])
    words = response(thought, message("The tide is high."))
    scene = server.scene(tmp_path, words, extra=BOTH, approver=CallbackApprover(lambda _: Approve(by="ana")))

    scene.run("go")

    assert [answer["content"]["text"] for answer in server.answers] == ["The tide is high."]
