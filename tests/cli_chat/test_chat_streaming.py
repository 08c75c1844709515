"""An answer while it arrives: whatever the pieces are, the end is the same, and what stood above stays."""

from __future__ import annotations

import io

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyte.screens import HistoryScreen

from mcpbridge.cli.chat.answer import MarkdownStream
from mcpbridge.cli.chat.markdown import complete, rendered
from mcpbridge.cli.chat.terminal import Terminal
from mcpbridge.cli.chat.wrap import WordWrap, wrapped

ABOVE = [f"row {number}" for number in range(30)]
BLOCKS = [
    "# A title",
    "A paragraph with *some* words that is long enough to take two rows of a screen.",
    "- one\n- two\n  - x",
    "```python\nx = 1\n\n\ny = 2\n```",
    "1. a\n\n2. b",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "> quoted",
    "word " * 100,
    "Title\n=====",
    "***",
    "    indented\n\n    code",
    "[x]: http://a/b",
    "<p>html</p>",
]


class Still(Terminal):
    """A terminal of a fixed size that nobody looks at."""

    def size(self) -> tuple[int, int]:
        return 40, 12


STILL = Still(stdin=io.StringIO(), stdout=io.StringIO(), interactive=True, moves=True, styled=True)


def shown(pieces: list[str]) -> list[str]:
    """All rows, those above included, after an answer came in these pieces."""
    screen = HistoryScreen(40, 12, history=1000, ratio=1)
    stream = pyte.Stream(screen)
    stream.feed("".join(f"{row}\r\n" for row in ABOVE))
    answer = MarkdownStream(lambda text: stream.feed(text.replace("\n", "\r\n")), STILL)
    for piece in pieces:
        answer.feed(piece)
    answer.end()
    above = ["".join(row[x].data for x in range(40)).rstrip() for row in screen.history.top]
    return [*above, *(row.rstrip() for row in screen.display)]


def cut(text: str, sizes: list[int]) -> list[str]:
    pieces: list[str] = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    return [*pieces, text]


@pytest.mark.promise("chat-scroll-back")
@settings(max_examples=50, deadline=None)
@given(
    blocks=st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=5),
    sizes=st.lists(st.integers(min_value=1, max_value=60), max_size=40),
)
def test_in_whatever_pieces_it_comes_the_end_is_the_same_and_nothing_above_is_touched(
    blocks: list[str], sizes: list[int]
) -> None:
    text = "\n\n".join(blocks) + "\n"

    rows = shown(cut(text, sizes))

    assert rows[: len(ABOVE)] == ABOVE
    assert [row for row in rows if row] == [row for row in shown([text]) if row]


@settings(deadline=None)
@given(st.lists(st.sampled_from(BLOCKS), min_size=2, max_size=6))
def test_a_block_counts_as_complete_only_when_another_has_begun(blocks: list[str]) -> None:
    text = "\n\n".join(blocks) + "\n"
    done, rest = complete(text)

    assert done + rest == text
    assert rest.strip()


def test_a_window_that_was_resized_meanwhile_loses_nothing() -> None:
    class Shrinking(Still):
        def size(self) -> tuple[int, int]:
            return sizes[-1]

    sizes = [(40, 12)]
    written: list[str] = []
    terminal = Shrinking(stdin=io.StringIO(), stdout=io.StringIO(), interactive=True, moves=True, styled=True)
    answer = MarkdownStream(written.append, terminal)
    answer.feed("half a *block*")
    sizes.append((30, 12))
    answer.end()

    assert "half a" in written[0]
    assert "\x1b[J" not in "".join(written)
    assert written[-1].startswith("\nhalf a ")


def test_an_unfinished_line_completes_nothing() -> None:
    assert complete("1. a\n\n2") == ("", "1. a\n\n2")
    assert complete("one\n\ntwo\n") == ("one\n\n", "two\n")


@settings(deadline=None)
@given(st.text())
def test_no_control_character_comes_out_of_markdown(text: str) -> None:
    out = rendered(f"&#27; &#x9b; {text} [a](http://x/&#27;%1b 't')", 40)

    assert not set(out) & {chr(code) for code in (*range(10), *range(11, 27), *range(0x7F, 0xA0))}
    assert "\x1b]" not in out


@settings(deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab 語\u0301\n"), max_size=200), st.integers(min_value=4, max_value=20)
)
def test_wrapping_loses_nothing_but_spaces_and_keeps_to_the_width(text: str, width: int) -> None:
    out = wrapped(text, width)

    assert "".join(out.split()) == "".join(text.split())
    wide = {"語": 2, "\u0301": 0}
    assert all(sum(wide.get(c, 1) for c in row.rstrip(" ")) <= width for row in out.split("\n"))


def test_wrapping_counts_its_rows_and_indents_them() -> None:
    wrap = WordWrap(10, indent=2)

    assert wrap.feed("one two three four") + wrap.end() == "one two\n  three\n  four"
    assert wrap.rows == 2
