"""What a command module needs of argparse."""

from __future__ import annotations

import argparse
from typing import Protocol


class Commands(Protocol):
    """Where a command is declared: the public part of what `add_subparsers` returns."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser: ...
