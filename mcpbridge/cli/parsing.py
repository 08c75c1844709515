"""What the command modules share of argparse."""

from __future__ import annotations

import argparse
from typing import Final, Protocol

DEFAULT_CONFIG: Final = "mcpbridge.yaml"


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
