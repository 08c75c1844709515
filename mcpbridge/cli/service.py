"""`mcpbridge service`: the local Responses service, until it is stopped."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.parsing import Commands
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.service.endpoint import LocalEndpoint

_PORT: Final = 8788
"""Where `endpoint: local` looks when nothing else is said."""
_KEY: Final = "local-key"
_HELP: Final = """\
Runs a Responses API on this machine that plays a script and connects to real MCP servers. It is no
language model, and listens on 127.0.0.1 only. The format of a script: docs/service-script.md."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "service", help="run a scripted Responses service on this machine", description=_HELP
    )
    parser.add_argument("--brain", metavar="script:FILE", required=True, help="what it plays, a YAML script")
    parser.add_argument("--port", metavar="N", type=_port, default=_PORT, help=f"0 is any (default: {_PORT})")
    parser.add_argument(
        "--quirk",
        metavar="NAME",
        action="append",
        default=[],
        help="imitate a fault of real servers; repeatable",
    )
    parser.add_argument(
        "--api-key", metavar="KEY", default=_KEY, help=f"what clients must send (default: {_KEY})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    from mcpbridge.service.running import serve

    def ready(endpoint: LocalEndpoint) -> None:
        print(_ready(endpoint, script, args.api_key), flush=True)

    script = _script(args.brain)
    try:
        serve(script, port=args.port, api_key=args.api_key, quirks=args.quirk, on_ready=ready)
    except ValueError as error:  # ScriptError, or an unknown quirk: both say what and where
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(
            f"the service cannot listen on port {args.port}: {error.strerror}; try --port 0"
        ) from None
    except KeyboardInterrupt:
        print("Stopped.")
    return COMPLETED


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 0 to 65535")
    return int(text)


def _script(brain: str) -> Path:
    kind, _, file = brain.partition(":")
    if kind != "script" or not file:
        raise UsageError(f"--brain {brain!r} is not available in this version; write --brain script:FILE")
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"--brain: there is no file {file}")
    return path


def _ready(endpoint: LocalEndpoint, script: Path, key: str) -> str:
    variables: list[str] = []
    api_key = ""
    if not endpoint.base_url.endswith(f":{_PORT}/v1"):
        variables.append(f"  export MCPBRIDGE_LOCAL_URL={endpoint.base_url}")
    if key != _KEY:
        variables.append("  export MCPBRIDGE_LOCAL_KEY=(the key given with --api-key)")
        api_key = ', api_key: "${env:MCPBRIDGE_LOCAL_KEY}"'
    lines = [
        f"Plays {script} (no language model) at {endpoint.base_url}",
        "To use it, in mcpbridge.yaml:",
        f"  model: {{name: scripted, endpoint: local{api_key}}}",
        *(["and where mcpbridge runs:", *variables] if variables else []),
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)
