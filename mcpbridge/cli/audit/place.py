"""What the commands about the log share: which log is meant, and since when."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from mcpbridge.cli.parsing import DEFAULT_CONFIG, Parser, add_config
from mcpbridge.errors import UsageError

_DEFAULT_PATH: Final = Path("audit")


class PlaceAnywhere(Parser):
    """Takes a PATH also behind an option: `hold add case-7 --reason r PATH`. Of words that stand in several
    places, argparse itself only takes those in the first."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        found = namespace or argparse.Namespace()
        _, rest = super().parse_known_args(args, found)
        if any(word.startswith("-") for word in rest):
            return found, rest
        if rest and isinstance(words := getattr(found, "words", None), list):
            found.words = [*words, *rest]
            return found, []
        if rest and getattr(found, "path", "") is None:
            found.path = rest.pop(0)
        return found, rest


def add_place(parser: argparse.ArgumentParser) -> None:
    """The argument `PATH` and the option `-c`."""
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="?",
        help="folder or file of the log (default: the configuration's, or audit/)",
    )
    add_config(parser)


def place(args: argparse.Namespace) -> Path:
    """The log that is meant: given, the configuration's, or `audit/` here."""
    if args.path is not None:
        return Path(args.path)
    if args.config is None and not Path(DEFAULT_CONFIG).exists():
        return _DEFAULT_PATH
    from mcpbridge.config import load_config

    return load_config(args.config or DEFAULT_CONFIG).audit.path


def since(text: str, *, now: datetime, option: str = "--since") -> datetime:
    """A date, a time, or how long ago; UTC where no zone is given. Raises UsageError."""
    from mcpbridge.config.duration import parse_duration

    try:
        return now - timedelta(seconds=parse_duration(text))
    except ValueError:
        pass
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no time; write 2026-11-21, 2026-11-21T08:00+01:00, or a duration: 2h, 7d"
        ) from None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
