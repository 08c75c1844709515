"""What the streams of this process can do, and what becomes of what they cannot."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from mcpbridge.cli.exits import USAGE

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_ERRORS: Final = "mcpbridge.stand-ins"
_STAND_INS: Final = {"…": "...", "→": "->", "—": "--", "“": '"', "”": '"', "█": "#", "▏": "|"}
"""For what this program itself prints beside ASCII."""


def wants_color(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Colour on a terminal only, and not with NO_COLOR (https://no-color.org) or TERM=dumb."""
    able = sys.platform != "win32" or "WT_SESSION" in environ
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    return stream.isatty() and able and not plain


def somebody_there() -> bool:
    """Whether a person can be asked: standard input and standard error are terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def write_whatever_comes(stream: object) -> None:
    """An answer may hold what the stream's encoding cannot show; each such character as its number, so that
    no two texts look the same."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def as_utf8(stream: object) -> None:
    """For what is kept as a file, which is UTF-8 wherever it is read. A terminal has its own encoding."""
    if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


class Outlet(io.RawIOBase):
    """The end of a standard stream. What it cannot write is dropped, and `failure` says why; with `strict` it
    raises instead, for what must stop when nobody reads."""

    def __init__(self, end: io.RawIOBase) -> None:
        self._end = end
        self.failure: OSError | None = None
        self.strict = False

    def write(self, data: ReadableBuffer, /) -> int | None:
        if self.failure is not None and not self.strict:
            return memoryview(data).nbytes
        try:
            return self._end.write(data)
        except OSError as error:
            self.failure = error
            if self.strict:
                raise
            return memoryview(data).nbytes

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._end.fileno()

    def isatty(self) -> bool:
        return False


class Outlets:
    """Standard output and standard error of one command."""

    def __init__(self, out: Outlet | None, err: Outlet | None) -> None:
        self._out = out
        self._both = tuple(one for one in (out, err) if one is not None)

    def stop_unread(self, stop: bool) -> None:
        """Whether what cannot be written is raised, or dropped so that the command comes to its end."""
        for one in self._both:
            one.strict = stop

    @property
    def failed(self) -> bool:
        """Whether one of them did not take everything."""
        return any(one.failure is not None for one in self._both)

    def flush(self) -> None:
        """What is held back goes out. A program that spoke on them may have closed them."""
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()

    def ended(self, code: int) -> int:
        """The exit code of a command that would end with `code`: a reader who left (`| head`) had enough and
        changes none, but what a full disk did not take was said to nobody, and is no verdict."""
        self.stop_unread(False)
        self.flush()
        failure = None if self._out is None else self._out.failure
        if failure is None or _reader_left(failure):
            return code
        print(
            f"mcpbridge: standard output cannot be written ({failure.strerror}), so what was to be said is "
            "lost; send it elsewhere",
            file=sys.stderr,
        )
        return USAGE


def _reader_left(failure: OSError) -> bool:
    """Windows has another word for it."""
    return isinstance(failure, BrokenPipeError) or (sys.platform == "win32" and failure.errno == errno.EINVAL)


@contextmanager
def outlets() -> Generator[Outlets]:
    """Standard streams that never end a command by themselves, for as long as this lasts: neither by a
    character that their encoding lacks, nor, where they are no terminal, by a reader who left."""
    codecs.register_error(_ERRORS, _stand_in)
    before = sys.stdout, sys.stderr
    out, err = (_outlet(stream) for stream in before)
    for name, stream, outlet, errors in (
        ("stdout", before[0], out, _ERRORS), ("stderr", before[1], err, "backslashreplace")
    ):  # fmt: skip
        if outlet is not None:
            stream.flush()
            setattr(sys, name, _over(outlet, stream, errors))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    both = Outlets(out, err)
    try:
        yield both
    finally:
        # At the interpreter's own exit what is still held back would change the exit code
        # (https://docs.python.org/3/library/signal.html#note-on-sigpipe).
        both.stop_unread(False)
        both.flush()
        sys.stdout, sys.stderr = before


def _outlet(stream: TextIO) -> Outlet | None:
    """Of a pipe or a file of this process; a terminal stays what it is, and so does what a test looks at."""
    if stream not in (sys.__stdout__, sys.__stderr__) or stream.isatty():
        return None
    end: object = getattr(stream.buffer, "raw", stream.buffer)  # python -u: nothing is in between
    return Outlet(end) if isinstance(end, io.RawIOBase) else None


def _over(outlet: Outlet, stream: TextIO, errors: str) -> TextIO:
    at_once = bool(getattr(stream, "write_through", False)) or bool(stream.line_buffering)
    return io.TextIOWrapper(
        io.BufferedWriter(outlet), encoding=stream.encoding, errors=errors, line_buffering=at_once
    )


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs (https://docs.python.org/3/library/codecs.html#codecs.register_error)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(_STAND_INS.get(one) or _number(one) for one in wrong), error.end


def _number(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")
