"""`mcpbridge`: parses the command line and hands over to one command module.

Exit codes: 0 completed, 1 failed, 2 usage or configuration, 3 paused for a person, 4 outcome unknown.
A command module has `add(commands)`, which must stay light (`--help` loads neither openai nor mcp), and
sets `run=function(args) -> exit code`. One that has no verdict, and nothing to do when nobody reads, also
sets `stops_unread=True`: then it is told so by an OSError; all others come to their end.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import mcpbridge
from mcpbridge.cli.exits import COMPLETED, FAILED, READER_LEFT, UNKNOWN, USAGE
from mcpbridge.cli.parsing import Parser
from mcpbridge.cli.streams import Outlets, outlets
from mcpbridge.errors import ConfigurationError, McpbridgeError, OutcomeUnknown, UsageError

_COMMANDS: Final = (
    "demo", "run", "chat", "init", "check", "servers", "pin", "policy", "freeze",
    "audit", "service", "gateway", "doctor",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script; returns the exit code."""
    _open_closed_streams()
    with outlets() as streams:
        try:
            code = _command(argv, streams)
        except SystemExit as end:  # of --help, of a usage error, and of a signal
            lost = streams.ended(COMPLETED) != COMPLETED
            if end.code or not lost:
                raise
            code = USAGE
    return code


def _command(argv: Sequence[str] | None, streams: Outlets) -> int:
    args = make_parser().parse_args(argv)
    streams.stop_unread(args.stops_unread)
    try:
        return _known_errors(args, streams)
    except OSError:
        if not streams.failed:
            raise
        return streams.ended(READER_LEFT)
    except KeyboardInterrupt:
        return 130


def _known_errors(args: argparse.Namespace, streams: Outlets) -> int:
    try:
        code = int(args.run(args))
        streams.flush()
        # A command that stops when nobody reads has been told, and has its own code for it.
        return code if args.stops_unread else streams.ended(code)
    except (ConfigurationError, UsageError) as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    except OutcomeUnknown as error:
        print(f"mcpbridge: outcome unknown: {error}", file=sys.stderr)
        return UNKNOWN
    except McpbridgeError as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return FAILED


def _open_closed_streams() -> None:
    """A standard stream that the caller closed (`<&-`) is None in Python; nobody there is not a crash."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def make_parser() -> argparse.ArgumentParser:
    """The whole command line, as `--help` and the docs show it."""
    parser = Parser(
        prog="mcpbridge",
        description="One gate between a model on the Responses API and everything it can touch.",
        epilog="Exit codes: 0 completed, 1 failed, 2 usage or configuration, 3 paused for a person, "
        "4 outcome unknown.",
    )
    parser.add_argument("--version", action="version", version=f"mcpbridge {mcpbridge.__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")
    parser.set_defaults(stops_unread=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in _COMMANDS:
        import_module(f"mcpbridge.cli.{name}").add(commands)
    return parser
