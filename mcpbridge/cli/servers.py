"""`mcpbridge servers list` and `mcpbridge servers probe`: what is declared, and what is really there."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli import servers_login
from mcpbridge.cli.exits import COMPLETED, FAILED
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config, add_json
from mcpbridge.cli.probe_report import ESTIMATE, as_json, report
from mcpbridge.cli.way import way, why_bridged
from mcpbridge.core.offered import functions
from mcpbridge.core.question import visible
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.config import Profile, ServerDeclaration
    from mcpbridge.config.connection import Connection
    from mcpbridge.config.oauth import OAuth

_LONGER: Final = "; --timeout gives it longer"


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add_parser(
        "servers",
        help="list the declared MCP servers, or connect to them",
        description="Shows which MCP servers are declared, and what is found when one connects to them.",
    )
    group = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = group.add_parser(
        "list", help="what is declared", description="Contacts nobody and looks up no secret."
    )
    add_config(listing)
    listing.add_argument(
        "--shipped", action="store_true", help="the declarations that come with mcpbridge instead"
    )
    add_json(listing, "one JSON object instead of text")
    listing.set_defaults(run=run_list)
    _add_probe(group)
    servers_login.add(group)


def _add_probe(group: Commands) -> None:
    parser = group.add_parser(
        "probe",
        help="connect, list the tools, estimate their cost",
        description="Connects from this machine to each declared server and lists its tools; calls none. "
        f"Tokens are an estimate: {ESTIMATE}. Exit code 0, or 1 when a server failed.",
    )
    parser.add_argument("labels", metavar="LABEL", nargs="*", help="only these servers (default: all)")
    add_config(parser)
    add_json(parser, "one JSON object instead of text")
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=seconds,
        help="for each server (default: connect_timeout of a bridged one, 20s for others)",
    )
    parser.set_defaults(run=run_probe)


def run_list(args: argparse.Namespace) -> int:
    """Show declarations: names of headers, never their values."""
    servers, profile = (shipped_servers(), None) if args.shipped else _declared(args.config)
    if args.json:
        print(json.dumps({"servers": [_as_json(server, profile) for server in servers]}))
        return COMPLETED
    for server in servers:
        for line in _lines(server, profile):
            print(line)
        if args.shipped:
            print(f"  checked  {server.checked or 'unknown'}")
    if args.shipped:
        print("\nTo use one, write `- use: NAME` under `servers:`; the file says where its facts were read.")
    elif not servers:
        print("No servers are declared.")
    return COMPLETED


def run_probe(args: argparse.Namespace) -> int:
    """Connect to the servers, all at once, and show what was found."""
    from mcpbridge.cli.interrupts import run_until_stopped
    from mcpbridge.cli.probing import probe_all
    from mcpbridge.config import load_config, process_sources

    config = load_config(args.config or DEFAULT_CONFIG)
    servers = chosen(config.servers, args.labels)
    probes = run_until_stopped(
        probe_all(
            servers, process_sources(), within=args.timeout, profile=config.model.profile, longer=_LONGER
        )
    )
    if args.json:
        print(json.dumps({"estimate": ESTIMATE, "servers": [as_json(probe) for probe in probes]}))
    else:
        for line in report(probes):
            print(line)
    return FAILED if any(probe.problem for probe in probes) else COMPLETED


def shipped_servers() -> list[ServerDeclaration]:
    """Every declaration that comes with mcpbridge, read as a configuration would read it."""
    from mcpbridge.config import load_config_text, shipped_names

    uses = "".join(f"\n- use: {name}" for name in shipped_names("servers"))
    text = f"model: {{name: any, endpoint: openai}}\npolicy: read-only\nservers:{uses}\n"
    return list(load_config_text(text, file="shipped", directory=Path()).servers)


def _declared(file: str | None) -> tuple[list[ServerDeclaration], Profile]:
    from mcpbridge.config import load_config

    config = load_config(file or DEFAULT_CONFIG)
    return list(config.servers), config.model.profile


def chosen(servers: Sequence[ServerDeclaration], labels: Sequence[str]) -> list[ServerDeclaration]:
    """Those with these labels, or all. Raises UsageError for one that is not declared."""
    known = {server.label: server for server in servers}
    for label in labels:
        if label not in known:
            raise UsageError(f"no server {label!r} is declared; there are: {', '.join(known) or 'none'}")
    return [known[label] for label in dict.fromkeys(labels)] if labels else list(servers)


def seconds(text: str) -> float:
    """A duration of the command line, such as 20s."""
    from mcpbridge.config.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _lines(server: ServerDeclaration, profile: Profile | None) -> Iterator[str]:
    reached = f"({way(server, profile)})"
    yield f"{server.label}  {visible(server.url or server.identity, newlines=False)}  {reached}"
    if server.description:
        yield f"  {visible(server.description, newlines=False)}"
    tools = "all that it lists" if server.allowed_tools is None else ", ".join(server.allowed_tools)
    yield f"  tools    {visible(tools, newlines=False)}"
    if server.via != "hosted":
        yield f"  speaks   {_spoken(server)}"
    yield from _extras(server.connection)
    if server.command is None:
        yield f"  headers  {', '.join(_header_names(server)) or 'none'}"
    else:
        yield f"  env      {', '.join(server.connection.env) or 'none'}"
    if server.oauth is not None:
        yield f"  oauth    {visible(_token_of(server.oauth), newlines=False)}"
    if server.observe:
        yield "  OBSERVED: its calls run without asking"


def _spoken(server: ServerDeclaration) -> str:
    """Where mcpbridge connects."""
    connection = server.connection
    transport = connection.transport if server.command is None else "standard input and output"
    return f"{transport}, protocol {connection.protocol}"


def _token_of(oauth: OAuth) -> str:
    return oauth.grant + (f" at {oauth.issuer}" if oauth.issuer is not None else "")


def _extras(connection: Connection) -> Iterator[str]:
    """What else the model, or the server, is given."""
    if connection.offer:
        names = ", ".join(function.name for function in functions(connection.offer))
        yield f"  offers   {names} ({', '.join(connection.offer)})"
    if connection.roots:
        yield f"  roots    {visible(', '.join(map(str, connection.roots)), newlines=False)}"
    if connection.elicitation != "ask":
        yield f"  asks     nobody (elicitation: {connection.elicitation})"
    if connection.sampling != "refuse":
        yield (
            f"  sampling {connection.sampling}, at most {connection.sampling_max_tokens} tokens, "
            f"{connection.sampling_max_requests} in a call"
        )


def _header_names(server: ServerDeclaration) -> list[str]:
    field = ["authorization (a field of its own)"] if server.authorization is not None else []
    token = ["Authorization (a token by oauth)"] if server.oauth is not None else []
    return [*server.headers, *field, *token]


def _as_json(server: ServerDeclaration, profile: Profile | None) -> dict[str, Any]:
    return {
        "label": server.label,
        "via": server.via,
        "bridged_because": why_bridged(server, profile),
        "url": server.url,
        "command": None if server.command is None else list(server.command),
        "connector_id": server.connector_id,
        "tunnel_id": server.tunnel_id,
        "description": server.description,
        "headers": list(server.headers),
        "authorization": server.authorization is not None,
        "allowed_tools": None if server.allowed_tools is None else list(server.allowed_tools),
        "transport": server.connection.transport,
        "protocol": server.connection.protocol,
        "oauth": None if server.oauth is None else server.oauth.grant,
        "elicitation": server.connection.elicitation,
        "offer": list(server.connection.offer),
        "roots": [str(root) for root in server.connection.roots],
        "sampling": server.connection.sampling,
        "observe": server.observe,
        "env": list(server.connection.env),
        "source": server.source,
        "checked": server.checked,
        "declared_at": server.origin,
    }
