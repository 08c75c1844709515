"""What functions return, and what is sent."""

from __future__ import annotations

import asyncio
import enum
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openai.types.responses import ResponseFunctionCallOutputItemListParam
from pydantic import BaseModel, TypeAdapter

from mcpbridge.adapters.functions import File, Image, tool
from mcpbridge.errors import ToolFailed, UsageError
from mcpbridge.ports import CallContext

CONTEXT = CallContext(conversation_id="conv_1", call_id="call_1", principal="ci-bot")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


class Ticket(BaseModel):
    title: str


@dataclass
class Point:
    x: int


class Colour(enum.StrEnum):
    RED = "red"


def sent(result: object, **options: Any) -> Any:
    def give() -> Any:
        return result

    return asyncio.run(tool(give, **options).call({}, CONTEXT))


def parts(result: object) -> Sequence[Any]:
    content: list[Any] = sent(result)
    TypeAdapter(ResponseFunctionCallOutputItemListParam).validate_python(content, strict=True)
    return content


def refused(result: object, **options: Any) -> ToolFailed:
    with pytest.raises(ToolFailed) as caught:
        sent(result, **options)
    return caught.value


def data_url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{b64encode(content).decode()}"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("plain ünïcode", "plain ünïcode"),
        ("", ""),
        (None, ""),
        (Colour.RED, "red"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        (float("nan"), '"NaN"'),
        (
            {"a": [1, None], "when": datetime(2026, 1, 31, tzinfo=UTC)},
            '{"a":[1,null],"when":"2026-01-31T00:00:00Z"}',
        ),
        (["a", "b"], '["a","b"]'),
        ((), "[]"),
        (Ticket(title="ü"), '{"title":"ü"}'),
        ([Point(x=1)], '[{"x":1}]'),
    ],
)
def test_results_become_text(result: object, text: str) -> None:
    assert sent(result) == text


def test_an_image_becomes_a_part() -> None:
    assert parts(Image(PNG)) == [
        {"type": "input_image", "image_url": data_url("image/png", PNG), "detail": "auto"}
    ]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
def test_the_usual_image_formats_are_recognised(content: bytes, media_type: str) -> None:
    assert parts(Image(content))[0]["image_url"].startswith(f"data:{media_type};base64,")


def test_an_image_may_say_its_own_type_and_detail() -> None:
    part = parts(Image(b"<svg/>", "image/svg+xml", detail="high"))[0]
    assert part["image_url"] == data_url("image/svg+xml", b"<svg/>")
    assert part["detail"] == "high"


def test_an_image_of_unknown_format_fails_for_the_developer_to_see() -> None:
    error = refused(Image(b"RIFF....WAVE"))
    assert str(error) == "give failed (UsageError)"
    assert "give media_type" in str(error.__cause__)


def test_an_image_may_be_a_url() -> None:
    url = "https://example.com/a.png"
    assert parts(Image(url=url)) == [{"type": "input_image", "image_url": url, "detail": "auto"}]


def test_text_images_and_files_mix_in_a_list() -> None:
    content = parts(["before", Image(PNG), {"n": 1}, File(b"%PDF-", "report.pdf"), None])
    assert [part["type"] for part in content] == [
        "input_text",
        "input_image",
        "input_text",
        "input_file",
        "input_text",
    ]
    assert content[2]["text"] == '{"n":1}'
    assert content[3] == {
        "type": "input_file",
        "filename": "report.pdf",
        "file_data": data_url("application/pdf", b"%PDF-"),
    }


def test_paths_are_read_when_the_call_ends(tmp_path: Path) -> None:
    picture, report = tmp_path / "a.png", tmp_path / "report.unknown-kind"
    picture.write_bytes(PNG)
    report.write_bytes(b"text")
    image, file, named = parts([Image(picture), File(report), File(report, "a.txt", "text/x-log")])
    assert image["image_url"] == data_url("image/png", PNG)
    assert file["filename"] == "report.unknown-kind"
    assert file["file_data"] == data_url("application/octet-stream", b"text")
    assert (named["filename"], named["file_data"]) == ("a.txt", data_url("text/x-log", b"text"))


def test_a_path_that_is_not_there_fails_without_being_named(tmp_path: Path) -> None:
    assert str(refused(File(tmp_path / "secret-place"))) == "give failed (FileNotFoundError)"


@pytest.mark.parametrize("result", [object(), {"a": object()}, "\ud800", [Image(PNG), "\ud800"], b"\xff"])
def test_what_is_neither_text_nor_json_cannot_be_sent(result: object) -> None:
    assert str(refused(result)) == "give ran, but its result cannot be sent: it is not text or JSON"


@pytest.mark.parametrize("result", [Image(url="https://example.com/a.png"), File(Path("report.pdf"))])
def test_a_part_inside_a_structure_is_refused_and_not_dumped(result: object) -> None:
    assert "cannot be sent" in str(refused({"deep": [result]}))


def test_the_default_limit_is_that_of_the_api() -> None:
    assert len(sent("x" * 10_485_760)) == 10_485_760
    assert str(refused("x" * 10_485_761)) == (
        "give ran, but its result is too large to send: 10,485,761 bytes of at most 10,485,760"
    )


def test_a_limit_counts_bytes_and_all_parts_together(tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(1_000))
    assert sent("äää", max_output_bytes=6) == "äää"
    assert "7 bytes of at most 6" in str(refused("äää.", max_output_bytes=6))
    assert "too large" in str(refused(["x" * 60, Image(url="https://" + "x" * 60)], max_output_bytes=100))
    assert "too large" in str(refused(File(large), max_output_bytes=999))
    assert "too large" in str(refused(File(large), max_output_bytes=1_200))  # base64 is longer by a third


def test_a_picture_or_file_never_prints_its_content() -> None:
    assert "secret" not in repr(Image(b"secret", "image/png")) + repr(File(b"secret", "a.txt"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Image(),
        lambda: Image(PNG, url="https://example.com/a.png"),
        lambda: Image(url="file:///etc/passwd"),
        lambda: Image("a.png"),  # type: ignore[arg-type]  # pyright: ignore
        lambda: File("report.pdf"),  # type: ignore[arg-type]  # pyright: ignore
        lambda: File(b"data"),
    ],
)
def test_parts_that_make_no_sense_are_refused_when_made(make: Any) -> None:
    with pytest.raises(UsageError, match=r"Image|File"):
        make()
