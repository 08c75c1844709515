"""`mcpbridge chat`: the command line."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcpbridge.cli.parsing import Commands, add_config

_DESCRIPTION: Final = """\
A conversation with the model at the terminal, every call through the gate. Questions are asked where they
come up; nothing typed before a question stands there answers it. Ctrl-C cancels the turn that runs, Ctrl-D
leaves; /help names the commands.

Where standard input or output is not a terminal, each line of standard input is a message, and nobody is
asked: the chat ends with exit code 3 where a person must decide, as `mcpbridge run` does."""

_EPILOG: Final = """\
What you type is sent to the model as it is and kept in the history file and in the saved conversation: a
credential typed here is no secret any more. Credentials of the configuration are masked everywhere.

Exit codes: 0, 1 failed (only where lines are read from elsewhere), 2 usage or configuration, 3 left with an
open question, 4 left with an unknown outcome; 143 after SIGTERM. With 3 and 4 the conversation is saved
also without --save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """One command line of `mcpbridge chat`. Paths are as they were typed."""

    config: str | None = None
    save: Path | None = None
    resume: Path | None = None
    principal: str | None = None
    by: str | None = None
    history: bool = True
    verbose: bool = False


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "chat", help="talk with the model; calls are decided as they come", description=_DESCRIPTION
    )
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_config(parser)
    file = parser.add_mutually_exclusive_group()
    file.add_argument(
        "--save", metavar="FILE", type=Path, help="keep the conversation in FILE, which must not exist yet"
    )
    file.add_argument(
        "--resume",
        metavar="FILE",
        type=Path,
        help="go on with a conversation saved here or by `mcpbridge run --state`, and keep it there",
    )
    parser.add_argument("--principal", metavar="NAME", help="on whose behalf the model acts, for the policy")
    parser.add_argument(
        "--by", metavar="NAME", help="who decides, for the audit (default: the operating system's user)"
    )
    parser.add_argument(
        "--no-history", dest="history", action="store_false", help="do not keep what you type in a file"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="say more on standard error"
    )
    parser.set_defaults(stops_unread=True, run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Talk until somebody leaves; returns the exit code."""
    if args.resume is not None and args.principal is not None:
        args.usage_error(
            "argument --principal: not allowed with --resume; the conversation keeps the principal "
            "that it began with"
        )
    from mcpbridge.cli.chat.session import run_chat

    return run_chat(
        ChatOptions(
            config=args.config,
            save=args.save,
            resume=args.resume,
            principal=args.principal,
            by=args.by,
            history=args.history,
            verbose=args.verbose,
        )
    )
