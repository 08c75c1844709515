"""Quirks in what the model is shown and held to. Without the quirk, the service behaves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.talking import ENCRYPTED, Item, function, kinds, only, talking, text_in, user

SCRIPT = r"""
rules:
- when: {user: "picture|file", sees: "data:|report.pdf"}
  then: [{say: seen}]
- when: {user: "picture|file"}
  then: [{say: unseen}]
- when: {user: "draw"}
  then: [{draw: "a house"}, {say: drawn}]
- when: {user: "think"}
  then: [{reasoning: Hm., thought: "the plan is blue"}, {say: thought}]
- when: {user: "plan", sees: "the plan is blue"}
  then: [{say: remembered}]
- when: {user: "plan"}
  then: [{say: forgotten}]
- then: [{say: "so be it"}]
"""
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"}
FILE = {"type": "input_file", "filename": "report.pdf", "file_data": "data:application/pdf;base64,aGk="}
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}
FORMAT = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}


def showing(word: str, part: Item) -> Item:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": word}, part]}


@pytest.mark.parametrize(
    ("quirks", "word", "part", "said"),
    [
        ([], "picture", PICTURE, "seen"),
        (["images-unseen"], "picture", PICTURE, "unseen"),
        (["files-unseen"], "picture", PICTURE, "seen"),
        ([], "file", FILE, "seen"),
        (["files-unseen"], "file", FILE, "unseen"),
        (["images-unseen"], "file", FILE, "seen"),
    ],
)
def test_images_and_files_can_stay_unseen(quirks: list[str], word: str, part: Item, said: str) -> None:
    with talking(SCRIPT, quirks=quirks) as talk:
        assert text_in(talk.say(showing(word, part))) == said


def test_an_image_in_a_function_output_can_stay_unseen() -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": [PICTURE]}
    script = "rules: [{when: {sees: 'data:'}, then: [{say: seen}]}, {then: [{say: unseen}]}]"
    for quirks, said in (([], "seen"), (["images-unseen"], "unseen")):
        with talking(script, quirks=quirks) as talk:
            assert text_in(talk.say(call, output)) == said


def test_text_format_can_be_ignored() -> None:
    with talking(SCRIPT) as talk:
        assert talk.refused(user("?"), text=FORMAT)["code"] == "model_disobeys"
    with talking(SCRIPT, quirks=["text-format-ignored"]) as talk:
        assert text_in(talk.say(user("?"), text=FORMAT)) == "so be it"


def test_a_text_format_that_is_ignored_must_be_sound_all_the_same() -> None:
    with talking(SCRIPT, quirks=["text-format-ignored"]) as talk:
        error = talk.refused(user("?"), text={"format": {"type": "json_schema", "schema": {}}})
        assert error["param"] == "text.format.name"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "clock"}])
def test_tool_choice_can_be_ignored(choice: Any) -> None:
    with talking(SCRIPT, function("clock")) as talk:
        assert talk.refused(user("?"), tool_choice=choice)["code"] == "model_disobeys"
    with talking(SCRIPT, function("clock"), quirks=["tool-choice-ignored"]) as talk:
        assert text_in(talk.say(user("?"), tool_choice=choice)) == "so be it"


@pytest.mark.parametrize("quirks", [[], ["no-background"]])
def test_background_can_be_refused(quirks: list[str]) -> None:
    with talking(SCRIPT, quirks=quirks) as talk:
        answered = talk.post(talk.body(user("hi"), store=True, background=True))
        assert answered.status_code == (400 if quirks else 200)
        if quirks:
            assert answered.json()["error"]["param"] == "background"


@pytest.mark.parametrize(("quirks", "status"), [([], 200), (["stored-images-only"], 404)])
def test_a_picture_can_be_unknown_without_storage(quirks: list[str], status: int) -> None:
    with talking(SCRIPT, {"type": "image_generation"}, quirks=quirks) as talk:
        picture = only(talk.say(user("draw")), "image_generation_call")
        replayed = {name: picture[name] for name in ("type", "id", "status", "result")}
        talk.items[1] = replayed
        assert talk.post(talk.body(user("nicer"))).status_code == status


def test_a_stored_picture_is_known_all_the_same() -> None:
    with talking(SCRIPT, {"type": "image_generation"}, quirks=["stored-images-only"]) as talk:
        first = talk.post(talk.body(user("draw"), store=True)).json()
        follow_up = talk.body(user("nicer"), store=True, previous_response_id=first["id"])
        assert talk.post(follow_up).status_code == 200


@pytest.mark.parametrize(("quirks", "returned"), [([], True), (["no-encrypted-reasoning"], False)])
def test_encrypted_reasoning_can_be_missing(quirks: list[str], returned: bool) -> None:
    with talking(SCRIPT, quirks=quirks) as talk:
        output = talk.say(user("think"), include=[ENCRYPTED])
        assert kinds(output) == ["reasoning", "message"]
        assert ("encrypted_content" in output[0]) is returned


@pytest.mark.parametrize(("quirks", "said"), [([], "forgotten"), (["reasoning-unbound"], "remembered")])
def test_reasoning_can_verify_after_any_messages(quirks: list[str], said: str) -> None:
    with talking(SCRIPT, quirks=quirks) as talk:
        talk.say(user("think"), include=[ENCRYPTED])
        talk.items[0] = user("something else")
        assert text_in(talk.say(user("plan"))) == said


def test_reasoning_can_verify_for_any_model() -> None:
    with talking(SCRIPT, quirks=["reasoning-unbound"]) as talk:
        talk.say(user("think"), include=[ENCRYPTED])
        assert text_in(talk.say(user("plan"), model="another")) == "remembered"
