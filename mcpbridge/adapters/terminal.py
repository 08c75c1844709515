"""Asks a person at the terminal, without ever blocking the loop or taking an old line for an answer."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Final, Protocol, TextIO

from mcpbridge.adapters.always import read_always
from mcpbridge.adapters.editing import edit, editable, unfit
from mcpbridge.core.question import Question, visible
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.ports import NobodyThere

_PROMPT: Final = "Allow? [y]es / [n]o (default) / [a]lways for this conversation: "
_LESS: Final = "             (a 1h: for an hour; a 5x: for five further calls)\n"
_ONCE: Final = "Allow? [y]es / [n]o (default): "
_NO: Final = "[n]o (default)"
_EDIT: Final = "[n]o (default) / [e]dit"
_REASON: Final = "Reason for the model (optional): "
_AGAIN: Final = "Please answer y, n or a (a 1h: for an hour; a 5x: for five more calls).\n"
_AGAIN_ONCE: Final = "Please answer y or n.\n"
_AGAIN_EDIT: Final = "Please answer y, n or e (to write something else).\n"
_STALE: Final = "Press Enter first: a line begun before this question is thrown away.\n"
_CLOSED: Final = "\nNo longer waiting for this answer.\n"
_MAX_AGAIN: Final = 3
"""Times an answer that is none of y, n, a is asked for again."""


class Lines(Protocol):
    """Lines of a stream, one at a time."""

    @property
    def busy(self) -> bool:
        """Whether an abandoned read still waits for its line."""
        ...

    async def line(self) -> str:
        """The next line with its end; "" at the end of the input. Not while `busy`."""
        ...

    async def drop_line(self) -> None:
        """Wait until the abandoned read has got its line, and forget it."""
        ...


class TerminalApprover:
    """Shows exactly `question.screen` and reads y, n with a reason, or a. Anything unclear is a no.

    `stderr` gets the question, so that standard output stays the program's. The name in the answer is
    the operating system's user: a claim, never authenticated. One question at a time.
    """

    def __init__(
        self,
        stdin: TextIO,
        stderr: TextIO,
        *,
        user: str | None = None,
        environ: Mapping[str, str] = os.environ,
        lines: Lines | None = None,
    ) -> None:
        """`lines` is another way to read lines of `stdin`, for a program that reads there itself."""
        self._stdin, self._stderr, self._environ = stdin, stderr, environ
        self._reader = LineReader(stdin) if lines is None else lines
        self._user = user_name() if user is None else user
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, question: Question) -> Answer:
        async with self._one_at_a_time:
            try:
                self._show(question)
                await self._forget_earlier_typing()
                return await self._answer(question)
            except asyncio.CancelledError:
                with suppress(OSError, ValueError):  # a dead terminal must not swallow the cancellation
                    self._say(_CLOSED)
                raise

    def _show(self, question: Question) -> None:
        heading = self._bold("Approval needed")
        self._say(
            f"\n{heading}\n{question.screen}\n{_LESS if question.grantable else ''}{standing(question)}"
        )

    async def _forget_earlier_typing(self) -> None:
        """What was typed before the screen stood there answers nothing.

        A line whose reading began under an earlier, timed-out question is waited for and dropped; what
        the terminal still holds is flushed. Piped input has no typing ahead and is left alone.
        """
        if self._reader.busy:
            self._say(_STALE)
            await self._reader.drop_line()
        if self._stdin.isatty():
            flush_typed_ahead(self._stdin)

    async def _answer(self, question: Question) -> Answer:
        for _ in range(1 + _MAX_AGAIN):
            words = _PROMPT if question.grantable else _ONCE
            line = await self._prompt(words.replace(_NO, _EDIT) if editable(question) else words)
            more = await self._more_than_yes(line, question)
            if more is not None:
                return more
            match line.strip().lower():
                case "y" | "yes":
                    why_not = unfit(question, question.action.arguments or {})
                    if not why_not:
                        return Approve(by=self._user)
                    self._say(f"{why_not}{_AGAIN_EDIT}")
                case "n" | "no":
                    reason = await self._prompt(_REASON)
                    return Deny(by=self._user, reason=reason.strip())
                case "":
                    if not line:
                        self._say("\n")
                        raise NobodyThere("the terminal was closed")
                    return Deny(by=self._user)
                case _:
                    self._say(_again(question))
        return Deny(by=self._user, reason="no clear answer was given")

    async def _more_than_yes(self, line: str, question: Question) -> Approve | None:
        """A yes for further calls, or with other arguments."""
        if line.strip().lower() in ("e", "edit") and editable(question):
            arguments = await edit(question, self._environ, self._prompt, self._say)
            return None if arguments is None else Approve(by=self._user, arguments=arguments)
        return self._always(line) if question.grantable else None

    def _always(self, line: str) -> Approve | None:
        """`a`, `a 1h`, `always 5x`; None for everything else."""
        word, *rest = line.lower().split() or [""]
        given = read_always(rest) if word in ("a", "always") else None
        return None if given is None else Approve(by=self._user, always=True, ttl=given.ttl, uses=given.uses)

    async def _prompt(self, text: str) -> str:
        self._say(text)
        return await self._reader.line()

    def _say(self, text: str) -> None:
        self._stderr.write(text)
        self._stderr.flush()

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._colours() else text

    def _colours(self) -> bool:
        """https://no-color.org; older Windows consoles print the codes instead of obeying them."""
        plain = self._environ.get("NO_COLOR") or self._environ.get("TERM") == "dumb"
        able = os.name != "nt" or "WT_SESSION" in self._environ
        return self._stderr.isatty() and able and not plain


def _again(question: Question) -> str:
    if question.grantable:
        return _AGAIN
    return _AGAIN_EDIT if editable(question) else _AGAIN_ONCE


def standing(question: Question) -> str:
    """Who has agreed, and who may, where one person is not enough."""
    if not question.needs:
        return ""
    agreed = visible(", ".join(question.agreed), newlines=False) or "nobody yet"
    may = visible(", ".join(question.may_answer), newlines=False) or "anybody who is authenticated"
    return f"  agreed     {agreed}\n  may agree  {may}\n"


class LineReader:
    """Lines of a blocking stream, one at a time, read by a daemon thread that lives for one line.

    Nobody can interrupt a read from a terminal, portably. So a cancelled `line()` leaves its thread
    waiting: `busy` says so, and what it reads belongs to nobody. The stream is opened a second time on
    the same descriptor, because a thread that waits for `input()` at exit aborts the interpreter.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: TextIO | None = None
        self._reading: Future[str] = Future()
        self._reading.set_result("")

    @property
    def busy(self) -> bool:
        """Whether an abandoned read still waits for its line."""
        return not self._reading.done()

    async def line(self) -> str:
        """The next line with its end; "" at the end of the input. Not while `busy`."""
        self._lines = self._lines or _second_reader(self._stream)
        reading: Future[str] = Future()
        reading.set_running_or_notify_cancel()  # so that cancelling the waiter does not end the read
        self._reading = reading
        Thread(target=_read, args=(self._lines, reading), name="mcpbridge-terminal", daemon=True).start()
        return await asyncio.wrap_future(reading)

    async def drop_line(self) -> None:
        """Wait until the abandoned read has got its line, and forget it."""
        await asyncio.wrap_future(self._reading)


def _read(stream: TextIO, reading: Future[str]) -> None:
    try:
        line = stream.readline()
    except (OSError, ValueError):  # the terminal went away, or the stream was closed under us
        line = ""
    reading.set_result(line)


def _second_reader(stream: TextIO) -> TextIO:
    try:
        descriptor = stream.fileno()
    except OSError:  # io.UnsupportedOperation: a stream in memory, which never blocks
        return stream
    return open(descriptor, encoding=stream.encoding, errors="replace", closefd=False)


def flush_typed_ahead(stdin: TextIO) -> None:
    """Forget what the terminal holds and nobody has read."""
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios

        with suppress(termios.error):  # it just hung up; the read that follows says so
            termios.tcflush(stdin.fileno(), termios.TCIFLUSH)


def user_name() -> str:
    """The operating system's user: a claim, never authenticated."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such variable and no entry in the user database
        return ""
