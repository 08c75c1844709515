"""`mcpbridge audit verify`: find out whether the log was changed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_json
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.audit import Against
    from mcpbridge.audit.anchors import Anchor
    from mcpbridge.audit.note import VerifierKey

_VERIFY: Final = (
    "Checks every record, the chain between them, the checkpoints and every text they refer to, and holds"
    " the log against its anchors and against what you saw the last time. Exit codes: 0 sealed: an anchor"
    " out of reach of the account that writes the log vouches for every record; 3 intact, but with "
    "records that no such anchor vouches for, which are named; 1 tampered; 2 nothing to check. Bytes "
    "after the last whole line are an unfinished record (a crash, or a writer at work) and no tampering."
)


def add(group: Commands) -> None:
    """Declare the command."""
    parser = group.add_parser("verify", help="find out whether the log was changed", description=_VERIFY)
    add_place(parser)
    parser.add_argument(
        "--key", metavar="VKEY", action="append", default=[],
        help="a verifier key that you trust to sign it (`mcpbridge audit keys` prints it); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--anchor", metavar="FILE", action="append", default=[],
        help="hold it against the checkpoints in this file, also one of a log daemon",
    )  # fmt: skip
    parser.add_argument(
        "--outside-anchor", metavar="FILE", action="append", default=[],
        help="the same, and you vouch that the account that writes the log cannot change the file",
    )  # fmt: skip
    parser.add_argument(
        "--witness", metavar=("URL", "VKEY"), nargs=2, action="append", default=[],
        help="ask this witness too",
    )  # fmt: skip
    parser.add_argument("--offline", action="store_true", help="ask no witness; a cut then may not show")
    memory = parser.add_mutually_exclusive_group()
    memory.add_argument(
        "--no-remember", action="store_true", help="neither look at what you saw last, nor remember this"
    )
    memory.add_argument("--forget", action="store_true", help="take the log as seen for the first time")
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run_verify)


def run_verify(args: argparse.Namespace) -> int:
    """Verify the log; the exit code is the verdict's."""
    from mcpbridge.audit import verify
    from mcpbridge.core.question import visible

    result = verify(place(args), _against(args))
    # Names of logs and keys are in it: whoever changed the log may have chosen them.
    print(json.dumps(result.as_json()) if args.json else visible(str(result)))
    return result.exit_code


def _against(args: argparse.Namespace) -> Against:
    from mcpbridge.audit import Against
    from mcpbridge.audit.anchors import FileAnchor, WitnessAnchor
    from mcpbridge.audit.verifying.gone import folder_of
    from mcpbridge.audit.verifying.heads import Heads
    from mcpbridge.audit.verifying.start import origin_of
    from mcpbridge.core.question import visible

    heads = None if args.no_remember else Heads()
    directory = place(args)
    if heads is not None and args.forget:
        origin = origin_of(directory) if directory.exists() else ""
        for kept in heads.forget(folder_of(directory), origin):
            what = f"what you saw of it in {kept} stays remembered; to forget that, say --forget there"
            print(f"mcpbridge: {visible(what, newlines=False)}", file=sys.stderr)
    given: tuple[Anchor, ...] = (
        *(FileAnchor(path=Path(path)) for path in args.anchor),
        *(WitnessAnchor(url=_url(url), key=_key(key)) for url, key in args.witness),
    )
    return Against(
        keys=tuple(_key(text) for text in args.key),
        anchors=(*declared(args), *given),
        outside=tuple(Path(path) for path in args.outside_anchor),
        heads=heads,
        log=_log(args),
        ask=not args.offline,
    )


def _log(args: argparse.Namespace) -> Path | None:
    """Where the log of the configuration stands, when another place is verified with its anchors."""
    if args.config is None or args.path is None:
        return None
    from mcpbridge.config import load_config

    return load_config(args.config).audit.path


def declared(args: argparse.Namespace) -> tuple[Anchor, ...]:
    """The configuration's anchors. A log that is named by its path has none, unless -c is given too."""
    if args.config is None and (args.path is not None or not Path(DEFAULT_CONFIG).exists()):
        return ()
    from mcpbridge.config import load_config

    return load_config(args.config or DEFAULT_CONFIG).audit.anchors


def _url(text: str) -> str:
    """A password in it would be shown in what `verify` says, and never be used."""
    from mcpbridge.config.urls import url_problem

    problem = url_problem(text, allow_http=True)
    if problem:
        raise UsageError(f"--witness: {problem}")
    return text


def _key(text: str) -> VerifierKey:
    from mcpbridge.audit.note import NoteError, VerifierKey

    try:
        return VerifierKey.parse(text)
    except NoteError as error:
        raise UsageError(f"{text!r} is no verifier key: {error}; `mcpbridge audit keys` prints one") from None
