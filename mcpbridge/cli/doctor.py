"""`mcpbridge doctor`: finds out what an endpoint really does."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.exits import COMPLETED, FAILED
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config, add_json
from mcpbridge.cli.streams import wants_color
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.config import ModelConfig
    from mcpbridge.doctor.examine import Examination
    from mcpbridge.doctor.visit import Visit

_TIMEOUT: Final = 120.0
_LINGER: Final = 3.0
_REQUESTS: Final = 100
_BIND: Final = "127.0.0.1:8790"
_HELP: Final = """\
Finds out what an endpoint really does: small requests to it, and a throw-away MCP server of two harmless
tools that it is asked to use. What that server saw is the evidence. Only an endpoint on this machine
reaches it by itself; for others name a public address of it with --mcp-url. Exit code 0; 1 when something
makes hosted servers unsafe there, or nothing could be examined; 2 for a command line that cannot be
carried out."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("doctor", help="find out what an endpoint really does", description=_HELP)
    parser.add_argument(
        "endpoint",
        metavar="ENDPOINT",
        nargs="?",
        help="openai, azure, local, or a base URL such as http://127.0.0.1:8788/v1",
    )
    add_config(parser)
    parser.add_argument("--model", metavar="NAME", default="", help="needed where the endpoint has several")
    parser.add_argument(
        "--other-model",
        metavar="NAME",
        default="",
        help="a second one, to see whether reasoning is bound to it",
    )
    parser.add_argument("--key-env", metavar="NAME", help="the environment variable with the endpoint's key")
    _add_results(parser)
    _add_limits(parser)
    parser.set_defaults(run=run)


def _add_results(parser: argparse.ArgumentParser) -> None:
    add_json(parser, "one JSON object instead of text")
    parser.add_argument("--write", metavar="PROFILE", help="write what was measured as a profile")
    parser.add_argument("--force", action="store_true", help="overwrite that file")
    parser.add_argument("--only", metavar="CHECK,...", help="only these checks, and the first two")
    parser.add_argument("--list", action="store_true", help="list the checks; contacts nobody")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-requests",
        metavar="N",
        type=_count,
        default=_REQUESTS,
        help=f"send no more (default: {_REQUESTS})",
    )
    parser.add_argument(
        "--timeout", metavar="TIME", type=_seconds, default=_TIMEOUT, help="for one answer (default: 2m)"
    )
    parser.add_argument(
        "--linger",
        metavar="TIME",
        type=_seconds,
        default=_LINGER,
        help="wait at the end for calls that come late (default: 3s)",
    )
    parser.add_argument(
        "--no-mcp", action="store_true", help="start no MCP server; nothing about hosted servers is tested"
    )
    parser.add_argument("--mcp-url", metavar="URL", help="where the endpoint reaches the throw-away server")
    parser.add_argument(
        "--mcp-bind", metavar="HOST:PORT", help=f"where it listens, with --mcp-url (default: {_BIND})"
    )


def run(args: argparse.Namespace) -> int:
    """Examine, show, and write the profile if that was asked for."""
    if args.list:
        return _list(as_json=args.json)
    chosen, target = _chosen(args.only), _target(args)
    visit, configured = _visit(args, chosen), None
    if args.config or not args.endpoint:
        configured = visit.config.profile
    examination = _examined(visit, quiet=args.json)
    now = datetime.now(UTC)
    # First, so that a reader who has gone (`| head`) takes nobody's profile away.
    written = target is not None and _write(target, examination, now, args)
    if args.json:
        from mcpbridge.doctor.report import as_json

        print(json.dumps(as_json(examination, configured, at=now.isoformat(timespec="seconds"))))
    else:
        from mcpbridge.doctor.report import report

        for line in report(examination, configured, color=wants_color(sys.stdout)):
            print(line)
    if target is not None and not args.json:
        _tell(target, written=written)
    return COMPLETED if examination.safe and examination.examined else FAILED


def _list(*, as_json: bool) -> int:
    from mcpbridge.doctor.registry import CHECKS

    if as_json:
        print(json.dumps({"checks": [{"name": check.name, "asks": check.asks} for check in CHECKS]}))
        return COMPLETED
    for check in CHECKS:
        print(f"{check.name:<20}{check.asks}")
    return COMPLETED


def _chosen(only: str | None) -> Sequence[str]:
    from mcpbridge.config.suggest import instead
    from mcpbridge.doctor.registry import CHECKS

    names = [check.name for check in CHECKS]
    chosen = [name.strip() for name in (only or "").split(",") if name.strip()]
    for name in chosen:
        if name not in names:
            raise UsageError(f"--only {name!r} is no check; {instead(name, names)}")
    if only is not None and not chosen:
        raise UsageError("--only names no check; see mcpbridge doctor --list")
    return chosen


def _target(args: argparse.Namespace) -> Path | None:
    """Where the profile goes; a file that is there is told of before anything is asked."""
    if args.write is None:
        return None
    target = Path(args.write)
    if target.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--write {args.write}: a profile is a file that ends in .yaml")
    if target.exists() and not args.force:
        raise UsageError(f"{target} is there already; --force overwrites it")
    if not target.parent.is_dir():
        raise UsageError(f"--write {args.write}: there is no folder {target.parent}")
    return target


def _visit(args: argparse.Namespace, chosen: Sequence[str]) -> Visit:
    from mcpbridge.doctor.visit import Visit

    if args.no_mcp and args.mcp_url:
        raise UsageError("--no-mcp starts no MCP server; leave out --mcp-url")
    if args.mcp_bind and not args.mcp_url:
        raise UsageError("--mcp-bind needs --mcp-url: the address under which the endpoint reaches it")
    if args.mcp_url:
        _check_url(args.mcp_url)
    config = _config(args)
    host, port = _address(args.mcp_bind or _BIND)
    return Visit(
        config=config,
        model=args.model or config.name,
        other_model=args.other_model,
        chosen=chosen,
        timeout=args.timeout,
        max_requests=args.max_requests,
        no_server=args.no_mcp,
        public_url=args.mcp_url or "",
        host=host,
        port=port,
        grace=args.linger,
        by_configuration=args.endpoint is None,
    )


def _config(args: argparse.Namespace) -> ModelConfig:
    from mcpbridge.config import load_config
    from mcpbridge.doctor.endpoint import endpoint_config

    if args.endpoint and args.config:
        raise UsageError("name ENDPOINT or -c FILE, not both: the file names its endpoint")
    if args.endpoint is None:
        if args.key_env:
            raise UsageError("--key-env belongs to ENDPOINT; the file says model.api_key")
        if args.config is None and not Path(DEFAULT_CONFIG).exists():
            raise UsageError(f"name ENDPOINT, or -c FILE; there is no {DEFAULT_CONFIG} here either")
        return load_config(args.config or DEFAULT_CONFIG).model
    return endpoint_config(args.endpoint, model=args.model, key_env=args.key_env)


def _examined(visit: Visit, *, quiet: bool) -> Examination:
    from mcpbridge.cli.interrupts import run_until_stopped
    from mcpbridge.doctor.examine import Line

    watched = not quiet and sys.stderr.isatty()

    def on_line(line: Line) -> None:
        if watched:
            print(f"\r\x1b[K{line.check.name} …", end="", file=sys.stderr, flush=True)

    try:
        return run_until_stopped(visit.examine(on_line=on_line))
    finally:
        if watched:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _write(target: Path, examination: Examination, now: datetime, args: argparse.Namespace) -> bool:
    from mcpbridge.doctor.profile_file import profile_text, write_whole

    if not examination.examined:
        print(f"{target} was not written: nothing was measured.", file=sys.stderr)
        return False
    try:
        write_whole(target, profile_text(examination, name=target.name, at=now), force=args.force)
    except FileExistsError:
        raise UsageError(f"{target} is there already; --force overwrites it") from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None
    return True


def _tell(target: Path, *, written: bool) -> None:
    if written:
        place = target if target.is_absolute() else f".{os.sep}{target}"
        print(f"Wrote {target}. To use it: model: {{profile: {place}, ...}}")


def _check_url(url: str) -> None:
    from mcpbridge.config.urls import url_problem

    problem = url_problem(url, allow_http=True)
    if problem:
        raise UsageError(f"--mcp-url: {problem}")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--mcp-bind {text!r} is not HOST:PORT; write 0.0.0.0:8790, for example")
    return host.strip("[]"), int(port)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of requests; write 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    from mcpbridge.config.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
