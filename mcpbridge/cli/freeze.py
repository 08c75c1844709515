"""`mcpbridge freeze` and `mcpbridge thaw`: deny everything at once, and stop doing so."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.exits import COMPLETED, FAILED
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config

if TYPE_CHECKING:
    from mcpbridge.adapters.freeze_file import FreezeFile

_FREEZE: Final = """\
Denies every call from now on, in every process that uses this configuration (they share its audit log),
until `mcpbridge thaw`. Running ones notice at their next decision. Works also where the configuration has
problems: only its `audit.path` is read."""
_THAW: Final = "Ends `mcpbridge freeze`. Nothing that was denied meanwhile is repeated."


def add(commands: Commands) -> None:
    """Declare the commands."""
    for name, words, description, run in (
        ("freeze", "deny everything at once, until thawed", _FREEZE, run_freeze),
        ("thaw", "end a freeze", _THAW, run_thaw),
    ):
        parser = commands.add_parser(name, help=words, description=description)
        add_config(parser)
        parser.add_argument("--reason", metavar="TEXT", default="", help="for the audit and for the model")
        parser.add_argument("--by", metavar="NAME", help="who (default: the operating system's user)")
        parser.set_defaults(run=run)


def run_freeze(args: argparse.Namespace) -> int:
    """In force first, on record then."""
    switch, at = _switch(args), _now()
    try:
        switch.freeze(by=_by(args), at=at, reason=args.reason)
    except OSError as error:
        print(f"mcpbridge: NOT frozen: {switch.path}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    _record(switch, "frozen", args)
    print(f"frozen: every call is denied until `mcpbridge thaw` ({switch.path})")
    return COMPLETED


def run_thaw(args: argparse.Namespace) -> int:
    """On record first, in force then."""
    switch = _switch(args)
    if switch.reason() is None:
        print("nothing is frozen")
        return COMPLETED
    _record(switch, "thawed", args)
    try:
        switch.thaw()
    except OSError as error:
        print(f"mcpbridge: still frozen: {switch.path}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    print("thawed: the policy decides again")
    return COMPLETED


def _switch(args: argparse.Namespace) -> FreezeFile:
    from mcpbridge.adapters.freeze_file import FreezeFile
    from mcpbridge.config import audit_path

    return FreezeFile.of(audit_path(Path(args.config or DEFAULT_CONFIG)))


def _record(switch: FreezeFile, type_: str, args: argparse.Namespace) -> None:
    """Raises AuditUnavailable: then a freeze holds all the same, and a thaw does not happen."""
    import asyncio

    from mcpbridge.adapters.audit_log import open_audit
    from mcpbridge.config import audit_section, process_sources
    from mcpbridge.core.secret import Mask
    from mcpbridge.ports import Record

    fields: dict[str, Any] = {"approver": _by(args), "authenticated": False, "reason": args.reason}

    # Levels are about calls, and what is wrong with them must not keep a freeze off the record.
    config = replace(audit_section(Path(args.config or DEFAULT_CONFIG)), levels={}, recipients=())

    async def write() -> None:
        async with open_audit(config, mask=Mask(), sources=process_sources()) as log:
            await log.append(Record(type=type_, fields=fields))

    asyncio.run(write())


def _by(args: argparse.Namespace) -> str:
    from mcpbridge.adapters.terminal import user_name

    return args.by if args.by is not None else user_name()


def _now() -> str:
    from mcpbridge.adapters.system_clock import SystemClock

    return SystemClock().now().isoformat(timespec="seconds")
