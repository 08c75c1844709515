"""What a chat shows: answers, what happens meanwhile, and its own sentences. Nothing gets by the mask, and
nothing from outside can move the cursor."""

from __future__ import annotations

import re
from typing import Final, Literal, TextIO

from mcpbridge.cli.chat.answer import BareStream, MarkdownStream, PlainStream, Stream
from mcpbridge.cli.chat.terminal import Terminal
from mcpbridge.cli.chat.wrap import wrapped
from mcpbridge.cli.show import Pen, progress, suggestion
from mcpbridge.core.question import visible
from mcpbridge.core.secret import Mask
from mcpbridge.engine.events import (
    Event,
    Finished,
    Notice,
    ReasoningDelta,
    ResponseReceived,
    TextDelta,
    WireEvent,
)

_COLUMN: Final = 9
_WAITING: Final = "… (Ctrl-C cancels)"
_LONGEST: Final = 1_000
"""Characters of one line of what happens: what a service says of an error may have no end."""
_DIM, _BOLD, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_SURROGATES: Final = re.compile("[\ud800-\udfff]")

Kind = Literal["", "answer", "thinking"]


class Screen:
    """Where a person sits at both ends everything goes to standard output, in order. Elsewhere standard
    output has the answers and nothing else."""

    def __init__(self, terminal: Terminal, stderr: TextIO) -> None:
        self.mask = Mask()
        self.terminal = terminal
        self._out = Pen(terminal.stdout)
        self._err = self._out if terminal.interactive else Pen(stderr)
        self._kind: Kind = ""
        self._stream: Stream | None = None
        self._heard: list[str] = []
        self._space_due = self._waiting = False

    @property
    def gone(self) -> OSError | None:
        """Why nobody reads any more."""
        return self._out.broken

    def event(self, event: Event) -> None:
        """Show what happens, as it happens."""
        match event:
            case TextDelta():
                self._heard.append(event.text)
                self._piece("answer", event.text)
            case ReasoningDelta():
                self._piece("thinking", event.text)
            case Finished(status="completed"):
                self._answer(event.conversation.text)
            case ResponseReceived():
                self.close()
            case _:
                self._progress(event)
        if not isinstance(event, TextDelta | ReasoningDelta | WireEvent | Finished):
            self.waiting()

    def waiting(self) -> None:
        """Nothing can be shown for a while. What says so goes when there is something."""
        if self.terminal.moves and self._stream is None and not self._waiting:
            self._tell(f"{_DIM}{_WAITING}{_RESET}" if self.terminal.styled else _WAITING)
            self._waiting = True

    def answer(self, text: str) -> None:
        """A whole answer."""
        self._piece("answer", text)
        self.close()

    def close(self) -> None:
        """What is being written ends here."""
        if self._waiting:
            self._waiting = False
            self._tell("\r\x1b[K")
        stream, kind = self._stream, self._kind
        self._stream, self._kind = None, ""
        if stream is not None:
            stream.end()
            self._space_due = kind == "answer" and self.terminal.interactive

    def space(self) -> None:
        """An empty row, before an answer and before a prompt."""
        self.close()
        self._space_due = False
        self._tell("\n")

    def forget(self) -> None:
        """A turn begins: nothing was heard of it."""
        self.close()
        self._heard = []

    def line(self, head: str, text: str, color: str = _DIM) -> None:
        """A short word in a column, and a text beside it."""
        self._row()
        lead = head.ljust(_COLUMN - 1) + " "
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        painted = f"{color}{lead}{_RESET}" if self.terminal.styled and color else lead
        self._tell(f"{painted}{self._rows(text, indent=_COLUMN, newlines=False)}\n")

    def say(self, text: str = "") -> None:
        """A paragraph of the chat's own."""
        self._row()
        self._tell(self._rows(text) + "\n")

    def title(self, text: str) -> None:
        """A line that stands out."""
        self._row()
        shown = self._rows(text)
        self._tell(f"{_BOLD}{shown}{_RESET}\n" if self.terminal.styled else f"{shown}\n")

    def entry(self, name: str, text: str, *, column: int = 13) -> None:
        """A row of a list."""
        self._row()
        lead = f"  {visible(self.mask.text(name), newlines=False)}".ljust(column)
        lead += "" if lead.endswith(" ") else " "
        self._tell(f"{lead}{self._rows(text, indent=len(lead), newlines=False)}".rstrip() + "\n")

    def _row(self) -> None:
        """A row of ours begins: not right below an answer."""
        self.close()
        if self._space_due:
            self.space()

    def _progress(self, event: Event) -> None:
        if isinstance(event, Notice) and event.type == "rule_suggested":
            self.say(suggestion(event))
            return
        shown = progress(event)
        if shown is not None:
            head, color, text = shown
            self.line(head, text, color or _DIM)

    def _answer(self, text: str) -> None:
        """The answer that was taken over: shown where it did not come in pieces, or came otherwise."""
        self.close()
        if not text or text in "".join(self._heard):
            return
        if self._heard:
            self.line("notice", "the answer differs from what was streamed; this one counts:")
        self.answer(text)

    def _piece(self, kind: Kind, text: str) -> None:
        if kind == "thinking" and not self.terminal.interactive:
            return
        if kind != self._kind or self._stream is None:
            self.close()
            self._kind, self._stream = kind, self._begin(kind)
        text = _SURROGATES.sub("\ufffd", self.mask.text(text))
        if self.terminal.stdout.isatty():
            text = visible(text.replace("\r\n", "\n").replace("\t", "    "))
        self._stream.feed(text)

    def _begin(self, kind: Kind) -> Stream:
        write = self._out.write
        if not self.terminal.stdout.isatty():
            return BareStream(write)
        width = self.terminal.width
        if kind == "thinking":
            paint = _DIM if self.terminal.styled else ""
            return PlainStream(write, width, head="thinking ", paint=paint)
        if self.terminal.interactive:
            self.space()
        return MarkdownStream(write, self.terminal) if self.terminal.styled else PlainStream(write, width)

    def _tell(self, text: str) -> None:
        self._err.write(text)

    def _rows(self, text: str, *, indent: int = 0, newlines: bool = True) -> str:
        shown = visible(_SURROGATES.sub("\ufffd", self.mask.text(text)), newlines=newlines)
        if not self.terminal.interactive:  # for a program: a line is a line
            return shown
        return wrapped(shown, self.terminal.width, indent=indent)

    def prompt(self, text: str) -> None:
        """A text of ours that is written as it is: an answer follows on its line."""
        self.close()
        self._tell(text)

    def question(self, text: str) -> None:
        """A question that stays open, as it would be asked."""
        self._row()
        self._tell(f"\n{visible(self.mask.text(text))}\n")

    def command(self, text: str) -> None:
        """To be pasted into a shell: in one piece."""
        self.close()
        self._tell(f"  {visible(self.mask.text(text), newlines=False)}\n")
