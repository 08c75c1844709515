"""`mcpbridge demo`: a governed conversation to watch, without key, network or configuration."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.parsing import Commands, command_line
from mcpbridge.cli.streams import somebody_there, wants_color

if TYPE_CHECKING:
    from mcpbridge.core.ruling import Answer
    from mcpbridge.demo.screen import Screen
    from mcpbridge.ports import Approver


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="watch a governed conversation: no key, no network, a few seconds",
        description="Starts a scripted Responses service and a real MCP server on this machine, and takes a "
        "conversation through the gate: allowed, asked, denied, audited, verified.",
    )
    parser.add_argument(
        "--answers",
        metavar="yes,no,...",
        help="answer the questions beforehand (yes, always, no, no:reason); without a terminal: yes",
    )
    parser.add_argument("--keep", action="store_true", help="keep the files of the demo and say where")
    parser.set_defaults(stops_unread=True, run=run)


def run(args: argparse.Namespace) -> int:
    """Show the demo. Everything stands in a temporary folder, which goes away unless it is kept."""
    from mcpbridge.demo.screen import Screen

    screen = Screen(write=_write, color=wants_color(sys.stdout))
    given = _answers(args.answers)
    answers: list[Answer] = []
    approver = _approver(given, screen, answers)
    _open(screen, given)
    from mcpbridge.demo.story import tell

    with _folder(keep=args.keep) as folder:
        asyncio.run(tell(screen, approver, folder))
        _close(screen, answers, folder if args.keep else None)
    return COMPLETED


def _answers(answers: str | None) -> str | None:
    """The answers given beforehand; None where a person is asked."""
    return "yes" if answers is None and not somebody_there() else answers


def _open(screen: Screen, given: str | None) -> None:
    screen.write("mcpbridge demo")
    screen.write("")
    screen.say(
        'This is a scripted service and no language model: what "the model" says stands in a file. Nothing '
        "leaves this machine, and no key is needed. Everything else is real: HTTP, the MCP server, the gate, "
        "the log."
    )
    if given is not None:
        screen.say(f"Nobody is asked: the question is answered with {given!r}.")


def _approver(given: str | None, screen: Screen, answers: list[Answer]) -> Approver:
    from mcpbridge import ScriptedApprover, TerminalApprover
    from mcpbridge.demo.asking import FlushedApprover, ShownApprover

    if given is None:
        person = TerminalApprover(sys.stdin, sys.stderr)
        return FlushedApprover(inner=person, flush=sys.stdout.flush, answers=answers)
    inner = ScriptedApprover.from_text(given, by="scripted answer")
    return ShownApprover(inner=inner, screen=screen, answers=answers)


def _close(screen: Screen, answers: Sequence[Answer], kept: Path | None) -> None:
    from mcpbridge import Approve
    from mcpbridge.demo.story import FILES

    screen.heading("What you can do next")
    if all(isinstance(answer, Approve) for answer in answers):
        screen.command("mcpbridge demo --answers no", "say no to the question this time")
    else:
        screen.command("mcpbridge demo --answers yes", "say yes to the question this time")
    screen.command("mcpbridge init", "write a configuration to start from")
    if kept is None:
        screen.command("mcpbridge demo --keep", "keep the files and the log of the demo")
    else:
        screen.command(command_line(["mcpbridge", "audit", "show", str(kept / "audit")]), "read the log")
    screen.write("")
    screen.say("The configuration, the policy and the script of this demo:")
    screen.write(f"  {FILES}")
    if kept is not None:
        screen.say("What this run wrote, and its forged copy:")
        screen.write(f"  {kept}")


@contextmanager
def _folder(*, keep: bool) -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mcpbridge-demo-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _write(line: str) -> None:
    print(line, flush=True)
