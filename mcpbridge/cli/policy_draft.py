"""`mcpbridge policy draft`: a first policy from tool definitions, in a file or listed live."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.servers import seconds
from mcpbridge.cli.streams import as_utf8
from mcpbridge.core.question import visible
from mcpbridge.errors import ConfigurationError, McpbridgeError, UsageError

if TYPE_CHECKING:
    from mcpbridge.config import ServerDeclaration
    from mcpbridge.policy.draft import Judged, Toolbox

_TIMEOUT: Final = 20.0


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "draft",
        help="a first policy from tool definitions",
        description="Writes a commented policy, guessed from names, descriptions and schemas: clear reads "
        "run, what sends, changes or pays is bound to the user's own words, the rest asks. A person must "
        "read it. Reads a file, or lists the servers of a configuration; no tool is called.",
    )
    parser.add_argument(
        "tools",
        metavar="TOOLS.json",
        nargs="?",
        help="an MCP tools/list result, an OpenAI array of functions, or what `servers probe --json` "
        "printed; - for standard input",
    )
    parser.add_argument(
        "-c", "--config", metavar="FILE", help="list the servers of this configuration instead"
    )
    parser.add_argument(
        "--server",
        metavar="LABEL",
        action="append",
        default=[],
        help="with -c: only this server (repeatable)",
    )
    parser.add_argument("--label", metavar="LABEL", help="what policies call the server of TOOLS.json")
    parser.add_argument("-o", "--output", metavar="FILE", help="write a new file instead of standard output")
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=seconds,
        default=_TIMEOUT,
        help="with -c: for each server (default: 20s)",
    )
    add_json(parser, "one JSON object: the policy, and what was guessed about each tool")
    parser.set_defaults(run=run_draft)


def run_draft(args: argparse.Namespace) -> int:
    """Draft, and check that the draft loads."""
    from mcpbridge.policy.draft import draft, judge_tool

    toolboxes = _listed(args) if args.config is not None else _from_file(args)
    text = draft(toolboxes)
    _checked(text)
    if args.output is not None:
        _write(Path(args.output), text)
    if args.json:
        judged = [judge_tool(box.label, tool) for box in toolboxes for tool in box.tools]
        print(json.dumps(_as_json(text, toolboxes, judged)))
    elif args.output is None:
        as_utf8(sys.stdout)  # it is read as a file
        sys.stdout.write(text)
    else:
        print(f"{args.output} is written. Read it: it is a guess from the servers' own words.")
    return COMPLETED


def _from_file(args: argparse.Namespace) -> Sequence[Toolbox]:
    from mcpbridge.policy.draft import DefinitionsUnreadable, read_definitions

    if args.tools is None:
        raise UsageError("from what? Write `policy draft TOOLS.json`, or `policy draft -c mcpbridge.yaml`")
    if args.server:
        raise UsageError("--server belongs to -c; a file is drafted from whole")
    name = "standard input" if args.tools == "-" else args.tools
    try:
        text = sys.stdin.read() if args.tools == "-" else Path(args.tools).read_text(encoding="utf-8-sig")
        return read_definitions(text, file=name, label=args.label)
    except DefinitionsUnreadable as error:
        raise UsageError(str(error)) from None
    except UnicodeDecodeError:
        raise UsageError(f"{name}: not UTF-8 text; write the file as UTF-8") from None
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None


def _listed(args: argparse.Namespace) -> Sequence[Toolbox]:
    """What the servers of a configuration list now. One that cannot be listed is an error, not a gap."""
    from mcpbridge.cli.interrupts import run_until_stopped
    from mcpbridge.cli.probing import probe_all
    from mcpbridge.config import load_config, process_sources
    from mcpbridge.policy.draft import DefinitionsUnreadable, read_definitions

    if args.tools is not None or args.label is not None:
        raise UsageError("TOOLS.json and --label belong to a file; with -c the configuration says both")
    config = load_config(args.config)
    chosen = _chosen(config.servers, args.server)
    probes = run_until_stopped(
        probe_all(chosen, process_sources(), within=args.timeout, profile=config.model.profile)
    )
    failed = [probe.problem for probe in probes if probe.problem]
    if failed:
        raise McpbridgeError(f"nothing is drafted: {'; '.join(failed)} (or name the others with --server)")
    for probe in probes:
        if probe.skipped:
            print(f"mcpbridge: {probe.label} is not in the draft: {probe.skipped}", file=sys.stderr)
    listed = [
        {"label": probe.label, "identity": probe.identity, "tools": [_tool(tool) for tool in probe.tools]}
        for probe in probes
        if not probe.skipped
    ]
    try:
        return read_definitions(json.dumps({"servers": listed}), file=args.config)
    except DefinitionsUnreadable as error:
        raise UsageError(str(error)) from None


def _tool(tool: Any) -> dict[str, Any]:
    return {"allowed": tool.allowed, "definition": tool.definition}


def _chosen(servers: Sequence[ServerDeclaration], labels: Sequence[str]) -> list[ServerDeclaration]:
    known = {server.label: server for server in servers}
    for label in labels:
        if label not in known:
            raise UsageError(f"no server {label!r} is declared; there are: {', '.join(known) or 'none'}")
    if not servers:
        raise UsageError("no servers are declared in this configuration; write `policy draft TOOLS.json`")
    return [known[label] for label in dict.fromkeys(labels)] if labels else list(servers)


def _checked(text: str) -> None:
    from mcpbridge.policy import load_policy

    try:
        load_policy(text, file="draft.yaml")
    except ConfigurationError as error:
        raise McpbridgeError(
            f"the draft does not load, which is a bug of mcpbridge; please report: {error}"
        ) from error


def _write(path: Path, text: str) -> None:
    """A new file only: a draft must not replace what somebody has read and changed."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already; a draft replaces nothing, so name another file") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _as_json(text: str, toolboxes: Sequence[Toolbox], judged: Sequence[Judged]) -> dict[str, Any]:
    from mcpbridge.policy.draft import definitions_hash

    tools = [
        {
            "tool": one.name,
            "kind": one.kind.value,
            "why": visible(one.why, newlines=False),
            "decision": "ask" if one.verdict.refusal else "bound" if one.verdict.bounds else "allow",
            "asks_because": one.verdict.refusal,
        }
        for one in judged
    ]
    return {"policy": text, "definitions": definitions_hash(toolboxes), "tools": tools}
