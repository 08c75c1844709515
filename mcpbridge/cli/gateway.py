"""`mcpbridge gateway`: the governed tools as one MCP server, on standard input and output or over HTTP."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, Final, cast

from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.interrupts import run_until_stopped
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.gateway.serving import Caller, Gateway
    from mcpbridge.ports import Approver

_PORT: Final = 8790
_LAST_PORT: Final = 65535
_SHORTEST: Final = 16
_VARIABLE: Final = (
    "VARIABLE is the name of an environment variable that holds the token, as in --client "
    "editor=EDITOR_TOKEN, and not the token itself (what was written is not repeated, since it may be one)"
)
_HELP: Final = """\
Serves the tools of the configuration's servers as one MCP server, so that any MCP client (an editor, another
agent framework) gets the same policy, approvals and audit. It connects to every server itself, also to those
that are declared as hosted. A call that must be asked is asked at this terminal (--http), put to the person
at the client (--ask client), or refused.

Without --http it speaks on standard input and output: write this command into the client's configuration."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "gateway", help="serve the governed tools to any MCP client", description=_HELP
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_config(parser)
    parser.add_argument("--http", action="store_true", help="streamable HTTP on 127.0.0.1, at /mcp")
    parser.add_argument("--port", metavar="N", type=_port, default=_PORT, help=f"0 is any (default: {_PORT})")
    parser.add_argument(
        "--client",
        metavar="NAME=VARIABLE",
        action="append",
        default=[],
        help="with --http: a client must send the token in this variable, and its calls are made on behalf "
        "of NAME; repeatable. Without any, whoever can connect is the configuration's principal",
    )
    parser.add_argument(
        "--ask",
        choices=("terminal", "client", "nobody"),
        help="who decides what must be asked: this terminal (with --http), the person at the client (the "
        "client is trusted to ask them), or nobody, which refuses (default: the configuration's approvals)",
    )
    parser.add_argument(
        "--names",
        choices=("qualified", "plain"),
        default="qualified",
        help="tools are called label__tool, or plain where that is clear (default: qualified)",
    )
    parser.set_defaults(stops_unread=True, run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until the client has gone (stdio), or until SIGINT, SIGTERM or SIGHUP."""
    if args.client and not args.http:
        raise UsageError("--client is for --http; on standard input and output there is one client only")
    try:
        run_until_stopped(_serve(args))
    except OSError as error:
        raise UsageError(f"port {args.port} cannot be used: {error.strerror or error}") from None
    return COMPLETED


async def _serve(args: argparse.Namespace) -> None:
    from mcpbridge.bridge.assembly import assemble
    from mcpbridge.config import load_config
    from mcpbridge.gateway.declared import connected_from_here

    config, left_out = connected_from_here(load_config(args.config or DEFAULT_CONFIG))
    for label in left_out:
        _say(f"{label} is left out: only a model provider can connect to it")
    gateway = _gateway(args, assemble(config))
    try:
        await gateway.assembly.announce()
        await (_over_http(gateway, args.port) if args.http else _over_stdio(gateway))
    finally:
        await gateway.close()
        await gateway.assembly.close()


def _gateway(args: argparse.Namespace, assembly: Any) -> Gateway:
    from mcpbridge import __version__
    from mcpbridge.gateway.serving import Gateway

    callers = tuple(_caller(given, number) for number, given in enumerate(args.client, 1))
    _each_their_own(callers)
    ask = args.ask or ("terminal" if assembly.config.approvals.ask == "terminal" and args.http else "nobody")
    return Gateway(
        assembly=assembly,
        version=__version__,
        callers=callers,
        names=args.names,
        approver=_approver(ask, http=args.http),
        ask_client=ask == "client",
    )


def _approver(ask: str, *, http: bool) -> Approver | None:
    if ask != "terminal":
        return None
    if not http:
        raise UsageError("--ask terminal needs --http: standard input belongs to the client")
    from mcpbridge.adapters.terminal import TerminalApprover

    return TerminalApprover(sys.stdin, sys.stderr) if sys.stdin.isatty() else None


def _caller(given: str, number: int) -> Caller:
    """Until its variable is found, nothing of it is repeated: any part may be the token itself."""
    from mcpbridge.core.secret import Secret
    from mcpbridge.gateway.serving import Caller

    name, equals, variable = given.partition("=")
    if not equals or not name or not variable:
        raise UsageError(f"--client number {number}: write NAME=VARIABLE; {_VARIABLE}")
    token = os.environ.get(variable)
    if token is None:
        raise UsageError(f"--client number {number}: no such variable is set; {_VARIABLE}")
    if len(token) < _SHORTEST:
        raise UsageError(f"--client {name}: {variable} holds no token of {_SHORTEST} characters or more")
    return Caller(principal=name, token=Secret(token))


def _each_their_own(callers: tuple[Caller, ...]) -> None:
    """A name that is given twice, or a token that two clients have, names neither."""
    whose: dict[str, str] = {}
    names = [caller.principal for caller in callers]
    for number, caller in enumerate(callers):
        if caller.principal in names[:number]:
            raise UsageError(f"--client {caller.principal} is given twice; name each client once")
        other = whose.setdefault(caller.token.reveal(), caller.principal)
        if other != caller.principal:
            raise UsageError(
                f"--client {other} and {caller.principal} have the same token; give each their own"
            )


async def _over_stdio(gateway: Gateway) -> None:
    from mcp.server.stdio import stdio_server

    from mcpbridge.gateway.standard_input import StandardInput

    server, lines = gateway.only.server(), cast("Any", StandardInput(sys.stdin.fileno()))
    try:
        async with stdio_server(lines) as (reading, writing):
            try:
                await server.run(reading, writing, server.create_initialization_options())
            finally:  # first of all: a client that does not read keeps us from leaving standard output
                await gateway.close()
                await gateway.assembly.close()
    except* BrokenPipeError:  # the client has gone
        pass


async def _over_http(gateway: Gateway, port: int) -> None:
    from mcpbridge.cli.show import Pen
    from mcpbridge.gateway.http import application
    from mcpbridge.service.loopback import serving

    gateway.assembly.mask.add(caller.token for caller in gateway.callers)
    async with serving(application(gateway), port=port, signals=True) as here:
        who = ", ".join(caller.principal for caller in gateway.callers) or "whoever can connect"
        # Whoever started it need not listen any more.
        Pen(sys.stdout).write(f"The gateway listens on {here.origin}/mcp for {who}.\n")
        await here.stopping.wait()


def _say(text: str) -> None:
    print(f"mcpbridge: {text}", file=sys.stderr)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 0 to {_LAST_PORT}")
    return int(text)
