"""What the commands share that write a record into the log: which log, how it is opened, and who did it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mcpbridge.cli.audit.place import place
from mcpbridge.cli.parsing import DEFAULT_CONFIG
from mcpbridge.errors import AuditUnavailable

if TYPE_CHECKING:
    from mcpbridge.audit import AuditLog
    from mcpbridge.config import AuditConfig

T = TypeVar("T")


def add_person(parser: argparse.ArgumentParser, *, reason: str) -> None:
    """The options `--by` and `--reason`."""
    parser.add_argument("--by", metavar="NAME", help="who (default: the operating system's user)")
    parser.add_argument("--reason", metavar="TEXT", default="", help=reason)


def person(args: argparse.Namespace) -> str:
    """Who says to do this; a claim, never authenticated."""
    from mcpbridge.adapters.terminal import user_name

    return args.by if args.by is not None else user_name()


def audit_config(args: argparse.Namespace) -> AuditConfig:
    """The configuration's `audit:`; for a PATH that is given, what holds without one."""
    from mcpbridge.config import AuditConfig, load_config

    if args.path is None and (args.config is not None or Path(DEFAULT_CONFIG).exists()):
        return load_config(args.config or DEFAULT_CONFIG).audit
    return AuditConfig(path=place(args))


def with_log(
    args: argparse.Namespace, work: Callable[[AuditLog, Path], Awaitable[T]], *, rotate: int | None = None
) -> T:
    """Do `work` with the log, open for writing beside those who write it. `rotate`: bytes at which a segment
    is closed, in place of the configured. Raises AuditUnavailable where there is no log: this is not the
    place to begin one."""
    from mcpbridge.adapters.audit_log import open_audit
    from mcpbridge.config import process_sources
    from mcpbridge.core.secret import Mask

    config = audit_config(args)
    if rotate is not None:
        config = replace(config, rotate=rotate)
    refuse_without_log(config.path)

    async def run() -> T:
        async with open_audit(config, mask=Mask(), sources=process_sources()) as log:
            return await work(log, config.path)

    return asyncio.run(run())


def refuse_without_log(path: Path) -> None:
    """Raises AuditUnavailable where there is no log."""
    from mcpbridge.audit.read import NO_LOG
    from mcpbridge.audit.segments import segments

    if not path.is_dir() or not segments(path):
        raise AuditUnavailable(f"there is no audit log in {path}; {NO_LOG}")
