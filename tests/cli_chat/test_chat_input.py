"""Typing a message: several lines, history, completion, images."""

from __future__ import annotations

import base64
import stat
import sys
from pathlib import Path

import pytest

from mcpbridge.cli.chat.attachments import MAX_IMAGE_URL, document, image, named_images, path_and_text
from mcpbridge.cli.chat.history import history_file
from mcpbridge.errors import UsageError
from mcpbridge.service.running import running_in_thread
from tests.cli_chat.person import CTRL_D, ENTER, ESCAPE, TAB, UP, chatting
from tests.cli_chat.script import CHAT
from tests.cli_run.shell import Shell

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ECHO = "rules: [{then: [{say: 'Heard: {{user}}'}]}]"


@POSIX
def test_a_message_of_several_lines_is_one_message(shell: Shell) -> None:
    with running_in_thread(ECHO) as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.prompted(1)
            person.types(f"one{ESCAPE}{ENTER}two\\{ENTER}three")
            person.sees(". three")
            person.types(ENTER)
            person.sees("Heard: one two three")
            person.prompted(2)
            person.types(f"\x1b[200~four{ENTER}five\x1b[201~")
            person.sees(". five")
            person.types(ENTER)
            person.sees("Heard: four five")
            person.prompted(3)
            person.types(CTRL_D)
            assert person.ends() == 0

        said = [body["input"][-1]["content"] for body in service.bodies]

    assert said == ["one\ntwo\nthree", "four\nfive"]


@POSIX
@pytest.mark.promise("chat-history")
def test_what_was_typed_comes_back_and_is_kept_for_its_owner_only(shell: Shell) -> None:
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.prompted(1)
            person.says("tell me once")
            person.prompted(2)
            person.types(CTRL_D)
            assert person.ends() == 0
        history = shell.folder / "home" / "mcpbridge" / "chat_history"
        assert stat.S_IMODE(history.stat().st_mode) == 0o600
        kept = history.read_bytes()

        with chatting(shell, "--no-history") as person:
            person.prompted(1)
            person.says("tell me secretly")
            person.prompted(2)
            person.types(CTRL_D)
            assert person.ends() == 0
        assert history.read_bytes() == kept

        with chatting(shell) as person:
            person.prompted(1)
            person.types(UP)
            person.sees("> tell me once")
            person.types(ENTER)
            person.sees("You said: tell me once.")
            person.prompted(2)
            person.types(CTRL_D)
            assert person.ends() == 0


@POSIX
def test_a_chat_goes_on_where_no_history_can_be_kept(shell: Shell) -> None:
    (shell.folder / "home").write_text("in the way")
    with running_in_thread(CHAT) as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.sees("what you type is not kept")
            person.prompted(1)
            person.says("tell me anyway")
            person.sees("You said: tell me anyway.")
            person.prompted(2)
            person.types(CTRL_D)
            assert person.ends() == 0


@POSIX
def test_an_image_goes_with_a_message_and_tab_completes_commands_and_paths(shell: Shell) -> None:
    (shell.folder / "shot.png").write_bytes(PNG)
    (shell.folder / "shot.txt").write_text("no image")
    with running_in_thread("rules: [{then: [{say: Seen.}]}]") as service:
        shell.configure(service, None)
        with chatting(shell) as person:
            person.prompted(1)
            person.types(f"/ima{TAB}")
            person.sees("> /image")
            person.types(f" sh{TAB}")
            person.sees("> /image shot.png")
            person.says(" look at it")
            person.sees("attached shot.png (image/png, 0.1 kB)")
            person.prompted(2)
            person.says("and @shot.png once more, me@example.com")
            person.prompted(3)
            person.says("/image shot.txt")
            person.sees("shot.txt is no PNG, JPEG, GIF or WebP image")
            person.prompted(4)
            person.says("look at @gone.png")
            person.sees("the image gone.png cannot be read")
            person.prompted(5)
            person.types(CTRL_D)
            assert person.ends() == 0

        first, second = (body["input"][-1]["content"] for body in service.bodies)

    part = {
        "type": "input_image",
        "image_url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
        "detail": "auto",
    }
    assert first == [{"type": "input_text", "text": "look at it"}, part]
    assert second == [{"type": "input_text", "text": "and @shot.png once more, me@example.com"}, part]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"GIF89arest", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
def test_an_image_is_known_by_what_it_holds(content: bytes, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "picture.bin"
    file.write_bytes(content)
    assert image(str(file)).part["image_url"].startswith(f"data:{kind};base64,")


def test_what_the_api_does_not_take_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(PNG + bytes(MAX_IMAGE_URL * 3 // 4))
    with pytest.raises(UsageError, match=r"has 15\.7 MB; the API takes up to 15\.7 MB"):
        image(str(large))
    with pytest.raises(UsageError, match="is no file"):
        image(str(tmp_path))
    with pytest.raises(UsageError, match="cannot be read"):
        image("a\0b.png")
    with pytest.raises(UsageError, match="is no PDF"):
        document(str(large))


def test_a_pdf_is_sent_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "paper.pdf"
    file.write_bytes(b"%PDF-1.7")
    assert document(str(file)).part == {
        "type": "input_file",
        "filename": "paper.pdf",
        "file_data": f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.7').decode()}",
    }


def test_only_an_image_s_name_after_an_at_sign_names_an_image(tmp_path: Path) -> None:
    file = tmp_path / "two words.png"
    file.write_bytes(PNG)
    assert [one.told for one in named_images(f'see @"{file}", and @"{file}"')] == [
        f"{file} (image/png, 0.1 kB)"
    ]
    assert named_images("mail a@b.png or ask @ada") == []
    assert path_and_text('"two words.png" what is it') == ("two words.png", "what is it")
    assert path_and_text("one.png") == ("one.png", "")


@POSIX
def test_the_history_lies_in_the_state_directory(tmp_path: Path) -> None:
    assert history_file({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "mcpbridge" / "chat_history"
    assert history_file({"XDG_STATE_HOME": "relative"}) == Path.home() / ".local/state/mcpbridge/chat_history"
