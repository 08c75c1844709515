"""What the planner sees besides words: pictures and files, and nothing that a quirk hides."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from mcpbridge.service.brains.planner.pictures import described
from tests.service.planning import planning
from tests.service.talking import Item, text_in

RED, GREEN, BLUE, GREY = (220, 20, 20), (20, 200, 20), (20, 20, 230), (128, 128, 128)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, rows: bytes, *, depth: int = 8, kind: int = 2, palette: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    colours = chunk(b"PLTE", palette) if palette else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + colours
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def plain(colour: tuple[int, int, int], size: int = 8) -> bytes:
    return png(size, size, (b"\0" + bytes(colour) * size) * size)


def url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def asked(text: str, *parts: Item) -> Item:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}, *parts]}


def picture(data: bytes) -> Item:
    return {"type": "input_image", "image_url": url(data), "detail": "auto"}


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        (RED, "red"),
        (GREEN, "green"),
        (BLUE, "blue"),
        (GREY, "grey"),
        ((0, 0, 0), "black"),
        ((255,) * 3, "white"),
    ],
)
def test_a_picture_is_told_with_its_size_and_colour(colour: tuple[int, int, int], name: str) -> None:
    assert described(url(plain(colour))) == f"a PNG picture, 8 x 8, 100 % {name}"


def test_every_filter_and_a_palette_are_read() -> None:
    first = b"\0" + bytes(RED) * 2
    same_as_left = b"\1" + bytes(RED) + bytes(3)
    same_as_above = b"\2" + bytes(6)
    average = b"\3" + bytes(value - value // 2 for value in RED) + bytes(3)
    guessed = b"\4" + bytes(6)
    rows = first + same_as_left + same_as_above + average + guessed
    two_colours = png(8, 1, b"\0\x7f", depth=1, kind=3, palette=bytes((*BLUE, *GREEN)))

    assert described(url(png(2, 5, rows))) == "a PNG picture, 2 x 5, 100 % red"
    assert described(url(two_colours)) == "a PNG picture, 8 x 1, 88 % green"


def test_of_a_large_picture_the_upper_rows_are_looked_at() -> None:
    side = 1200
    assert described(url(plain(BLUE, side))) == "a PNG picture, 1200 x 1200, 100 % of its upper 277 rows blue"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"GIF89a\x03\x00\x02\x00", "a GIF picture, 3 x 2"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x02\x00\x03\x01", "a JPEG picture, 3 x 2"),
        (b"\xff\xd8\xff", "cannot read: its size is missing"),
        (b"\x89PNG\r\n\x1a\n", "cannot read: its header is missing"),
        (plain(RED)[:40], "cannot read: its pixels"),
        (png(2**31 - 1, 1, b"\0"), "cannot read: its rows are too long"),
        (b"BM", "cannot read: it is no PNG, JPEG or GIF"),
    ],
)
def test_another_picture_is_told_as_far_as_it_can_be_read(data: bytes, told: str) -> None:
    assert told in described(url(data))


def test_a_picture_elsewhere_is_not_fetched() -> None:
    assert described("https://pictures.example/a.png").endswith("which I do not fetch")
    assert described(None).endswith("which I cannot open")


def test_a_question_about_a_picture_is_answered_with_what_is_seen() -> None:
    with planning() as talk:
        assert "I see a PNG picture, 8 x 8, 100 % red." in text_in(
            talk.say(asked("Which colour is this?", picture(plain(RED))))
        )


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (url(b"The code word is heron.\nNothing else.", "text/plain"), "note.txt"),
        (
            url(b"%PDF-1.4\nstream\nBT (The code \\(word\\) is heron.) Tj ET\nendstream", "application/pdf"),
            "note.pdf",
        ),
        (
            url(
                b"%PDF-1.4\nstream\n"
                + zlib.compress(b"BT [(The code ) 20 (word is heron.)] TJ ET")
                + b"\nendstream",
                "application/pdf",
            ),
            "packed.pdf",
        ),
    ],
)
def test_a_file_is_read_and_quoted(data: str, name: str) -> None:
    file = {"type": "input_file", "filename": name, "file_data": data}
    with planning() as talk:
        told = text_in(talk.say(asked("What was the code word?", file)))

    assert f"- the file {name} says: “The code " in told
    assert "heron" in told


def test_a_file_that_is_no_text_is_named_as_unread() -> None:
    file = {
        "type": "input_file",
        "filename": "a.bin",
        "file_data": url(b"\0\1\2", "application/octet-stream"),
    }
    with planning() as talk:
        assert "I cannot read the file a.bin" in text_in(talk.say(asked("What is in it?", file)))


@pytest.mark.parametrize(("quirk", "hidden"), [("images-unseen", "picture"), ("files-unseen", "heron")])
def test_what_a_quirk_hides_is_not_seen(quirk: str, hidden: str) -> None:
    file = {
        "type": "input_file",
        "filename": "a.txt",
        "file_data": url(b"The code word is heron.", "text/plain"),
    }
    with planning(quirks=[quirk]) as talk:
        told = text_in(talk.say(asked("What was the code word?", file, picture(plain(RED)))))

    assert hidden not in told
    assert {"picture", "heron"} - {hidden} <= set(told.replace(".", " ").replace(",", " ").split())
