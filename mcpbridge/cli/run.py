"""`mcpbridge run`: one turn through the gate, or the answers a paused one waits for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from mcpbridge.cli.parsing import Commands, add_config, add_json
from mcpbridge.cli.run_options import contradiction, decision, read_options

_DESCRIPTION: Final = """\
Sends PROMPT to the model, decides on every call it wants to make, and prints the answer.

Questions are asked here when standard input and standard error are terminals and the configuration
says `approvals: {ask: terminal}`. Otherwise the run pauses: it saves its state, says which questions
are open, and ends with exit code 3. Anybody may then decide, in another process, on another day:

  mcpbridge run --resume FILE --decide ID=yes
  mcpbridge run --resume FILE --decide 'ID=no:the reason, which the model is told'
  mcpbridge run --resume FILE --decide ID=always:1h    (or always, always:5x, always:1h:5x)
  mcpbridge run --resume FILE --decide ID=edit:ARGS.json   (other arguments, for a call that runs here)

Where it is not known whether a call took effect (exit code 4), `ID=yes` repeats the call and
`ID=no:reason` goes on without it. Nothing is repeated by itself."""

_EPILOG: Final = """\
Standard output has the answer and nothing else; with --json exactly one object: status (completed,
paused, failed, unknown), text, output, approvals, denied, usage, conversation_id, and error and state
where there are any. Standard error says what happens meanwhile.

Exit codes: 0 completed, 1 failed, 2 usage or configuration, 3 paused for a person, 4 outcome unknown;
130, 143 and 129 when stopped by Ctrl-C, SIGTERM and a terminal that hangs up; the state is saved with
--state, and otherwise once the model has answered anything. Denials alone do not change it. Nor does a
reader who leaves early (| head): the turn goes on to its end, and the state is saved."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="one turn of a governed conversation; exit code 3 when a person must decide",
        description=_DESCRIPTION,
    )
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    _declare(parser)
    parser.set_defaults(stops_unread=True, run=run, usage_error=parser.error)


def _declare(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("prompt", metavar="PROMPT", nargs="?", help="what to ask; - reads standard input")
    add_json(parser, "one JSON object instead of the answer")
    parser.add_argument("--stream", action="store_true", help="print the answer as it comes")
    parser.add_argument(
        "--state",
        metavar="FILE",
        type=Path,
        help="keep the conversation in FILE: made when missing, else continued with a further turn",
    )
    parser.add_argument("--principal", metavar="NAME", help="on whose behalf the model acts, for the policy")
    parser.add_argument(
        "--by", metavar="NAME", help="who decides, for the audit (default: the operating system's user)"
    )
    parser.add_argument("--resume", metavar="FILE", type=Path, help="go on with a saved conversation")
    parser.add_argument(
        "--decide",
        metavar="ID=yes|no[:reason]|always[:1h][:5x]|edit:FILE",
        type=decision,
        action="append",
        default=[],
        help="answer an open question; may be given several times",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="say more on standard error"
    )


def run(args: argparse.Namespace) -> int:
    """Run the turn; returns the exit code."""
    wrong = contradiction(args)
    if wrong is not None:
        args.usage_error(wrong)
    options = read_options(args)
    from mcpbridge.cli.run_turn import run_turn

    return run_turn(options)
