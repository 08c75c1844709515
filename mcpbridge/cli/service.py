"""`mcpbridge service`: the local Responses service, until it is stopped."""

from __future__ import annotations

import argparse
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.parsing import Commands
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.demo.server import Tracker
    from mcpbridge.service.endpoint import LocalEndpoint
    from mcpbridge.service.http.access_log import AccessLog
    from mcpbridge.service.running import Mind

_PORT: Final = 8788
"""Where `endpoint: local` looks when nothing else is said."""
_LAST_PORT: Final = 65535
_KEY: Final = "local-key"
_TRACKER_TOKEN: Final = "TRACKER_TOKEN"  # noqa: S105 (the name of a variable)
_BRAINS: Final = "planner, script:FILE or chat:BASE_URL"
_HELP: Final = """\
Runs a Responses API on this machine that connects to real MCP servers, asks for approvals, executes and
streams. What stands in for the model is its brain:

  planner        plain rules, no language model: picks the tool whose name and description share most
                 with your words, fills its arguments from them, and says why (the default)
  script:FILE    plays a YAML script, no language model (docs/service-script.md)
  chat:BASE_URL  asks a chat-completions endpoint such as Ollama, llama.cpp, vLLM or LM Studio; the
                 model's name is passed on, and a key is read from MCPBRIDGE_CHAT_API_KEY

It listens on 127.0.0.1 only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A brain, what it is in words, and the model's name that a configuration writes."""

    mind: Mind = field(repr=False)
    words: str
    model: str
    models: tuple[str, ...]


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("service", help="run a Responses service on this machine", description=_HELP)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--brain", metavar="BRAIN", default="planner", help=f"{_BRAINS} (default: planner)")
    parser.add_argument("--port", metavar="N", type=_port, default=_PORT, help=f"0 is any (default: {_PORT})")
    parser.add_argument(
        "--quirk",
        metavar="NAME",
        action="append",
        default=[],
        help="imitate a fault of real servers; repeatable",
    )
    parser.add_argument(
        "--with-tracker",
        action="store_true",
        help="run a small MCP server beside it, an issue tracker to try hosted tools with",
    )
    parser.add_argument("--list-quirks", action="store_true", help="say what each quirk imitates, and end")
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        action="append",
        default=[],
        help=f"what a client must send, or env:NAME; repeatable, one for each client (default: {_KEY})",
    )
    parser.add_argument(
        "--log",
        metavar="FORM",
        nargs="?",
        const="text",
        choices=("text", "json"),
        help="write a line for each request to standard error: text (key=value) or json",
    )
    parser.add_argument(
        "--no-log", dest="log", action="store_const", const=None, help="write no such lines (the default)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    if args.list_quirks or "help" in args.quirk:
        print(_quirks())
        return COMPLETED
    from mcpbridge.service.running import serve

    def ready(endpoint: LocalEndpoint) -> None:
        print(_ready(endpoint, chosen, tracker), flush=True)

    chosen = _chosen(args.brain)
    keys = [_key(key) for key in args.api_key] or [_KEY]
    try:
        with _tracker(args.with_tracker, args.port) as tracker:
            serve(
                chosen.mind,
                on_ready=ready,
                port=args.port,
                api_key=keys[0],
                api_keys=keys[1:],
                quirks=args.quirk,
                models=chosen.models,
                access_log=_log(args.log),
            )
    except ValueError as error:  # ScriptError, an unknown quirk, a key given twice: each says what and where
        raise UsageError(str(error)) from None
    except OSError as error:
        ports = f"{args.port}{', or its tracker on the next' if args.with_tracker else ''}"
        raise UsageError(
            f"the service cannot listen on port {ports}: {error.strerror}; try --port 0"
        ) from None
    except KeyboardInterrupt:
        pass
    print("Stopped.")
    return COMPLETED


@contextmanager
def _tracker(wanted: bool, port: int) -> Generator[Tracker | None]:
    """The demo's MCP server, in a thread, one port above the service: configurations stay good."""
    if not wanted:
        yield None
        return
    from mcpbridge.demo.server import running_in_thread

    with running_in_thread(port=port + 1 if 0 < port < _LAST_PORT else 0) as tracker:
        yield tracker


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 0 to 65535")
    return int(text)


def _key(given: str) -> str:
    """The key itself; `env:NAME` keeps it out of the list of processes."""
    source, found, name = given.partition(":")
    if source != "env" or not found:
        return given
    value = os.environ.get(name)
    if not value:
        raise UsageError(f"--api-key {given}: the environment variable {name} is not set; export it first")
    return value


def _log(form: str | None) -> AccessLog | None:
    from mcpbridge.service.http.access_log import AccessLog

    if form is None:
        return None
    return AccessLog(form="json" if form == "json" else "text")


def _chosen(brain: str) -> _Chosen:
    kind, _, rest = brain.partition(":")
    if brain == "planner":
        from mcpbridge.service.brains.planner.planner import PlannerBrain

        words = "The planner (rules that match words, no language model)"
        return _Chosen(mind=PlannerBrain(), words=words, model="planner", models=("planner",))
    if kind == "script" and rest:
        path = Path(rest)
        if not path.is_file():
            raise UsageError(f"--brain: there is no file {rest}")
        words = f"The script {rest} (no language model)"
        return _Chosen(mind=path, words=words, model="scripted", models=("scripted",))
    if kind == "chat" and rest:
        return _chat(rest)
    raise UsageError(f"--brain {_without_credentials(brain)!r} is not known; write {_BRAINS}")


def _chat(base_url: str) -> _Chosen:
    from mcpbridge.service.brains.chat.chat import ChatBrain
    from mcpbridge.service.brains.chat.endpoint import KEY_VARIABLE, ChatEndpoint

    try:
        endpoint = ChatEndpoint.at(base_url, os.environ.get(KEY_VARIABLE, ""))
    except ValueError as error:
        raise UsageError(f"--brain chat: {error}") from None
    words = f"The models of {endpoint.base_url} (chat completions)"
    return _Chosen(mind=ChatBrain(endpoint), words=words, model="NAME-OF-ITS-MODEL", models=())


def _without_credentials(brain: str) -> str:
    """What was written, without what may stand before the @ of an address."""
    before, at, after = brain.rpartition("@")
    return f"{before.partition('//')[0]}//…@{after}" if at else brain


def _quirks() -> str:
    from mcpbridge.service.quirks import IMITATES

    width = max(len(quirk) for quirk in IMITATES)
    lines = [f"  {quirk:<{width}}  {imitates}" for quirk, imitates in IMITATES.items()]
    return "\n".join(["--quirk NAME imitates a fault of real servers:", *lines])


def _ready(endpoint: LocalEndpoint, chosen: _Chosen, tracker: Tracker | None) -> str:
    variables = [f"  export {_TRACKER_TOKEN}={tracker.token}"] if tracker else []
    api_key = ""
    if not endpoint.base_url.endswith(f":{_PORT}/v1"):
        variables.append(f"  export MCPBRIDGE_LOCAL_URL={endpoint.base_url}")
    if endpoint.api_key != _KEY:
        variables.append("  export MCPBRIDGE_LOCAL_KEY=(the key given with --api-key)")
        api_key = ', api_key: "${env:MCPBRIDGE_LOCAL_KEY}"'
    lines = [
        f"{chosen.words} at {endpoint.base_url}",
        *_imitated([*endpoint.quirks.arguments]),
        "To use it, in mcpbridge.yaml:",
        f"  model: {{name: {chosen.model}, endpoint: local{api_key}}}",
        *(_declared(tracker) if tracker else []),
        *(["and where mcpbridge runs:", *variables] if variables else []),
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def _declared(tracker: Tracker) -> list[str]:
    """Its token guards nothing: what it has is made up, and goes when it ends."""
    return [
        "  servers:",
        "    - label: tracker",
        f"      url: {tracker.url}",
        f'      headers: {{Authorization: "Bearer ${{env:{_TRACKER_TOKEN}}}"}}',
        "  policy: ask-before-write",
    ]


def _imitated(quirks: Sequence[str]) -> list[str]:
    return [f"Imitates faults of real servers: {', '.join(sorted(quirks))}"] if quirks else []
