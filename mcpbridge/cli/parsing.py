"""What the command modules share of argparse."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
from collections.abc import Sequence
from typing import Final, NoReturn, Protocol

from mcpbridge.cli.exits import USAGE

DEFAULT_CONFIG: Final = "mcpbridge.yaml"


class Parser(argparse.ArgumentParser):
    """Says what is wrong in its first line, and how the command is used after that."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n{self.format_usage()}")


class Commands(Protocol):
    """Where a command is declared: the public part of what `add_subparsers` returns."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser: ...


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option `-c FILE`; None where it is not given."""
    parser.add_argument(
        "-c", "--config", metavar="FILE", help=f"configuration file (default: ./{DEFAULT_CONFIG})"
    )


def add_json(parser: argparse.ArgumentParser, what: str) -> None:
    """The option `--json`."""
    parser.add_argument("--json", action="store_true", help=f"print {what}")


def command_line(words: Sequence[str]) -> str:
    """Quoted as a shell of this system wants it."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
