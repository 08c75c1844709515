"""What `mcpbridge run` prints: the answer on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from mcpbridge.adapters.terminal import standing
from mcpbridge.cli.exits import COMPLETED, FAILED
from mcpbridge.cli.run_end import End, call_name, resume_command
from mcpbridge.cli.streams import wants_color
from mcpbridge.core.question import visible
from mcpbridge.core.secret import Mask
from mcpbridge.engine.events import (
    ActionDecided,
    CallFinished,
    CallProgress,
    CallStarted,
    Event,
    Evidence,
    Notice,
    ResponseReceived,
    TextDelta,
    ToolsListed,
)

_CLIPPED: Final = 160
"""Characters of arguments, results and reasons in one line of progress; the audit has them whole."""
_COLUMN: Final = 9
RED, _GREEN, YELLOW, _DIM, _RESET = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
_SEEN_BY: Final[dict[Evidence, str]] = {
    "executed_here": "ran here",
    "reported_by_provider": "reported by the provider",
    "observed": "observed, nobody was asked",
}


class Pen:
    """Writes to a stream as long as somebody reads it. A reader who left must not stop a turn half way."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.broken: OSError | None = None

    def write(self, text: str) -> None:
        if self.broken is not None or not text:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            self.broken = error
            _discard_the_rest(self._stream)


class Show:
    """The two streams of one run. `mask` hides the secrets that are known by then."""

    def __init__(self, stdout: TextIO, stderr: TextIO, *, as_json: bool, stream: bool) -> None:
        self.mask = Mask()
        self._out, self._err = Pen(stdout), Pen(stderr)
        self._as_json, self._deltas = as_json, stream and not as_json
        self._color, self._bare = wants_color(stderr), not stdout.isatty()
        self._suggestions: list[str] = []
        self._in_line = False
        self._streamed = self._answer_streamed = False

    def event(self, event: Event) -> None:
        """Show what happens, as it happens."""
        if isinstance(event, TextDelta):
            self._delta(event.text)
            return
        if isinstance(event, ResponseReceived):
            self._answer_streamed, self._streamed = self._streamed, False
            self._end_line()
            return
        if isinstance(event, Notice) and event.type == "rule_suggested":
            self._suggestions.append(suggestion(event))
            return
        line = progress(event)
        if line is not None:
            self._end_line()
            self._line(*line)

    def resolved(self, request_id: str, how: str, by: str) -> None:
        """What a person made of an unknown outcome is on record now."""
        self._end_line()
        self._line("decided", YELLOW, f"{request_id}: {how} by {by or 'a person who gave no name'}")

    def end(self, end: End, *, config: str | None) -> int:
        """Show the end; returns the exit code."""
        if self._as_json:
            self._out.write(json.dumps(self.mask.value(end.as_json())) + "\n")
        else:
            self._answer(end)
        self._explain(end, config)
        for text in self._suggestions:
            self._say(f"\n{text}")
        return self._written(end.code)

    def _delta(self, text: str) -> None:
        if not self._deltas:
            return
        self._out.write(self._answered(text))
        self._streamed = True
        self._in_line = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._in_line:
            self._out.write("\n")
            self._in_line = False

    def _answer(self, end: End) -> None:
        self._end_line()
        if end.text and not self._answer_streamed:
            self._out.write(self._answered(end.text).removesuffix("\n") + "\n")

    def _answered(self, text: str) -> str:
        """The answer as it is for programs; on a terminal it cannot move the cursor."""
        text = self.mask.text(text)
        return text if self._bare else visible(text.expandtabs(4))

    def _explain(self, end: End, config: str | None) -> None:
        match end.status:
            case "completed":
                self._explain_silence(end)
            case "paused":
                self._explain_pause(end, config)
            case "unknown":
                self._explain_unknown(end, config)
            case "failed":
                self._say(f"mcpbridge: {end.message}")
                self._explain_state(end, config)

    def _explain_silence(self, end: End) -> None:
        if end.text:
            return
        after = "; ".join(f"{d.server_label}.{d.tool} ({_clip(d.reason)})" for d in end.denied)
        self._say(f"mcpbridge: the model gave no answer{f' after a denial: {after}' if after else ''}")

    def _explain_pause(self, end: End, config: str | None) -> None:
        for question in end.questions:
            self._say(f"\n{question.screen}\n{standing(question)}  id         {question.action.request_id}")
        count = len(end.questions)
        what = "a question is open" if count == 1 else f"{count} questions are open"
        if end.saved is not None:
            self._say(f"\nmcpbridge: paused, {what}; the state is saved in {end.saved}")
            ids = [question.action.request_id for question in end.questions]
            self._decide_with(end.saved, ids, "no:reason", config)

    def _explain_unknown(self, end: End, config: str | None) -> None:
        self._say(f"mcpbridge: outcome unknown: {end.message}")
        if not end.unknown:
            self._explain_state(end, config)
            return
        calls = ", ".join(
            f"{request_id} ({name})" if (name := call_name(end.conversation, request_id)) else request_id
            for request_id in end.unknown
        )
        self._say(f"mcpbridge: {calls} may have taken effect, and is not repeated by itself")
        if end.saved is not None:
            self._say(
                f"mcpbridge: the state is saved in {end.saved}; look what happened, then repeat it or not"
            )
            self._decide_with(end.saved, end.unknown, "no:what you found out", config)

    def _decide_with(self, state: Path, ids: Sequence[str], no: str, config: str | None) -> None:
        self._say(f"  {resume_command(state, ids, 'yes', config=config)}")
        self._say(f"  {resume_command(state, ids, no, config=config)}")

    def _explain_state(self, end: End, config: str | None) -> None:
        if end.saved is not None and not end.stale:
            self._say(f"mcpbridge: the state is saved in {end.saved}; go on with")
            self._say(f"  {resume_command(end.saved, config=config)}")

    def _line(self, head: str, color: str, text: str) -> None:
        shown = visible(self.mask.text(text), newlines=False)
        lead = head.ljust(_COLUMN)
        self._err.write(f"{self._painted(lead, color or _DIM)}{shown}\n")

    def _painted(self, text: str, color: str) -> str:
        return f"{color}{text}{_RESET}" if self._color else text

    def _say(self, text: str) -> None:
        self._err.write(visible(self.mask.text(text)) + "\n")

    def _written(self, code: int) -> int:
        """A reader who left (`| head`) had enough: the answer was complete and the state is saved, else the
        code were another. But an answer that could not be written, as on a full disk, is no success."""
        broken = self._out.broken
        if code != COMPLETED or broken is None or isinstance(broken, BrokenPipeError):
            return code
        self._say(f"mcpbridge: standard output: {broken.strerror}")
        return FAILED


def progress(event: Event) -> tuple[str, str, str] | None:
    """Column, colour and text of one line; None for what has no line of its own."""
    match event:
        case ToolsListed():
            return "tools", RED if event.error else "", _listing(event)
        case ActionDecided(decision=decision) if decision.allowed:
            return "allowed", _GREEN, _decision(event)
        case ActionDecided():
            return "denied", RED, _decision(event)
        case CallStarted():
            return "calling", "", event.action.name
        case CallProgress():
            return "progress", "", _progress(event)
        case CallFinished():
            return "result", "" if event.status == "completed" else RED, _result(event)
        case Notice():
            return "notice", YELLOW, _notice(event)
        case _:
            return None


def suggestion(event: Notice) -> str:
    """A rule that is offered to somebody, whole: it is for taking away."""
    return f"{event.message}. Review it; nothing was changed:\n{event.fields['diff']}"


def _listing(event: ToolsListed) -> str:
    if event.error:
        return f"{event.server_label}: could not be listed: {_clip(event.error)}"
    changed = f"; changed since: {', '.join(event.changed)}" if event.changed else ""
    return f"{event.server_label}: {_clip(', '.join(event.tools) or 'none')}{changed}"


def _decision(event: ActionDecided) -> str:
    decision, action = event.decision, event.action
    rules = f" by {', '.join(event.rules)}" if event.rules else ""
    person = f" ({decision.approver})" if decision.approver else ""
    reason = f": {_clip(decision.reason)}" if decision.reason else ""
    return f"{action.name} {_clip(action.raw_arguments)}  {decision.outcome.value}{person}{rules}{reason}"


def _progress(event: CallProgress) -> str:
    done = f"{event.progress:g}" + (f" of {event.total:g}" if event.total is not None else "")
    return f"{event.server_label}.{event.tool} {done}{f': {_clip(event.message)}' if event.message else ''}"


def _result(event: CallFinished) -> str:
    # What failed here was perhaps never sent: the words of the failure say so, and ours say no more.
    sent = event.status != "failed" or event.evidence != "executed_here"
    how = f"{event.status}, {_SEEN_BY[event.evidence]}" if sent else "failed"
    cut = "" if event.cut_from is None else f", cut from {event.cut_from:,} bytes"
    head = f"{event.server_label}.{event.tool} {how}{cut}"
    return f"{head}: {_clip(event.output)}" if event.output else head


def _notice(event: Notice) -> str:
    return f"{event.type}: {_clip(event.message)}" if event.message else event.type


def _clip(text: str) -> str:
    """On one line, and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _CLIPPED else f"{line[:_CLIPPED]}…"


def _discard_the_rest(stream: TextIO) -> None:
    """Else the interpreter fails at exit, when it flushes what could not be written
    (https://docs.python.org/3/library/signal.html#note-on-sigpipe)."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
