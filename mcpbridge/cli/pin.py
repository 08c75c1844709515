"""`mcpbridge pin`: write down what the servers' tools are, or say what has changed since."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.exits import COMPLETED, FAILED
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config, add_json
from mcpbridge.cli.policy_text import many
from mcpbridge.core.question import visible

if TYPE_CHECKING:
    from mcpbridge.cli.probing import Probe
    from mcpbridge.config import Configuration, ServerDeclaration
    from mcpbridge.core.pins import Lock, Tools

_FILE: Final = "tools.lock"
_TIMEOUT: Final = 20.0
_DESCRIPTION: Final = """\
Connects from this machine to each declared server, lists its tools and writes them down: server,
description, schemas and annotations, with a hash per tool. The file is for review: commit it. A policy
that names it under `pins: {file: tools.lock}` notices every tool that is not as it was.

With --check nothing is written; exit code 1 where anything differs, with the difference."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "pin", help="write tools.lock, or --check what has changed since", description=_DESCRIPTION
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_config(parser)
    add_json(parser, "one JSON object instead of text")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 on a difference")
    parser.add_argument(
        "--server",
        metavar="LABEL",
        action="append",
        default=[],
        help="only this server; what is pinned of the others stays (may be given several times)",
    )
    parser.add_argument(
        "--file", metavar="FILE", type=Path, help=f"the lock (default: what a policy names, else {_FILE})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Probe, compare, write."""
    from mcpbridge.cli.interrupts import run_until_stopped
    from mcpbridge.cli.probing import probe_all
    from mcpbridge.cli.servers import chosen
    from mcpbridge.config import load_config, process_sources
    from mcpbridge.core.pins import Lock

    config = load_config(args.config or DEFAULT_CONFIG)
    servers = chosen(config.servers, args.server)
    probes = run_until_stopped(
        probe_all(servers, process_sources(), within=_TIMEOUT, profile=config.model.profile)
    )
    found = {probe.label: _definitions(probe) for probe in probes if not (probe.problem or probe.skipped)}
    problems = [probe.problem for probe in probes if probe.problem]
    report: dict[str, Any] = {
        "problems": problems,
        "skipped": [probe.label for probe in probes if probe.skipped],
        "not_compared": [probe.label for probe in probes if probe.problem or probe.skipped],
        "left_out": {probe.label: probe.left_out for probe in probes if probe.left_out},
    }
    code = FAILED if problems else COMPLETED
    for path in _files(config, args.file):
        first, before = not path.exists(), _old(path)
        now = Lock(servers=_merged(before, found, None if args.server else config.servers))
        lines = list(differences(before, now))
        if args.check:
            code = FAILED if lines else code
        elif not problems:
            _write(path, now.text())
        report.setdefault("files", []).append(
            {
                "file": str(path),
                "written": not (args.check or problems),
                "first": first,
                "servers": sum(map(bool, now.servers.values())),
                "tools": sum(map(len, now.servers.values())),
                "differences": lines,
            }
        )
    _show(report, as_json=args.json, check=args.check)
    return code


def _definitions(probe: Probe) -> Tools:
    from mcpbridge.core.action import ToolDefinition

    return {
        tool.name: ToolDefinition(
            name=tool.name,
            description=str(tool.definition.get("description") or ""),
            input_schema=tool.definition.get("inputSchema") or {},
            output_schema=tool.definition.get("outputSchema"),
            annotations=tool.definition.get("annotations") or {},
            server_identity=probe.identity,
        )
        for tool in probe.tools
        if tool.allowed
    }


def _files(config: Configuration, given: Path | None) -> list[Path]:
    """Every lock that a policy names, or the one that was asked for."""
    if given is not None:
        return [given]
    named = dict.fromkeys(policy.pins.path for policy in config.policies if policy.pins and policy.pins.path)
    return [Path(name) for name in named] or [config.directory / _FILE]


def _old(path: Path) -> Lock:
    from mcpbridge.config.files import Unreadable, read_text
    from mcpbridge.core.pins import Lock, LockRefused, read_lock
    from mcpbridge.errors import ConfigurationError, Problem

    if not path.exists():
        return Lock()
    try:
        return read_lock(read_text(path))
    except (Unreadable, LockRefused) as error:
        message = f"{error}; remove it to pin anew"
        line = getattr(error, "line", 0)
        raise ConfigurationError([Problem(file=str(path), line=line, message=message)]) from None


def _merged(
    before: Lock, found: Mapping[str, Tools], every: Sequence[ServerDeclaration] | None
) -> dict[str, Tools]:
    """What was listed now; of servers that were not, what was pinned. Servers that are not declared any
    more go, where all were asked for."""
    declared = None if every is None else {server.label for server in every}
    kept = {label: tools for label, tools in before.servers.items() if declared is None or label in declared}
    return {**kept, **found}


def differences(before: Lock, now: Lock) -> Iterator[str]:
    """What a reviewer has to look at, tool by tool; nothing where nothing differs."""
    from mcpbridge.core.pins import changes

    for label in sorted({*before.servers, *now.servers}):
        old, new = before.servers.get(label, {}), now.servers.get(label, {})
        for name in sorted({*old, *new}):
            full = visible(f"{label}.{name}", newlines=False)
            if name not in old:
                yield f"{full}: new"
            elif name not in new:
                yield f"{full}: gone"
            elif old[name].hash() != new[name].hash():
                yield f"{full}: changed"
                yield from (f"  {line}" for line in changes(old[name], new[name]))


def _write(path: Path, text: str) -> None:
    """Whole or not at all. Everybody may read it: it is meant to be committed."""
    from mcpbridge.cli.state_file import replace_file
    from mcpbridge.errors import UsageError

    try:
        replace_file(path.resolve(), text.encode())
        path.chmod(0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None


def _compared(file: Mapping[str, Any], missing: Sequence[str]) -> str:
    """What `--check` found, and of whom it found nothing."""
    count = _count(file)
    found = many(count, "difference") if count else "as pinned"
    if file["first"]:
        found = f"not there; `mcpbridge pin` would pin {_pinned(file)} for the first time"
    if not missing:
        return found
    return (
        f"{found} as far as could be looked at; not compared: {visible(', '.join(missing), newlines=False)}"
    )


def _written(file: Mapping[str, Any]) -> str:
    """What became of the file. Before it is there nothing can differ from it."""
    if not file["first"]:
        return f"{'written' if file['written'] else 'NOT written'}, {many(_count(file), 'difference')}"
    if not file["written"]:
        return "NOT written, nothing is pinned yet"
    return f"written, {_pinned(file)} {'is' if file['tools'] == 1 else 'are'} pinned for the first time"


def _pinned(file: Mapping[str, Any]) -> str:
    return f"{many(file['tools'], 'tool')} of {many(file['servers'], 'server')}"


def _count(file: Mapping[str, Any]) -> int:
    return sum(not line.startswith(" ") for line in file["differences"])


def _show(report: Mapping[str, Any], *, as_json: bool, check: bool) -> None:
    if as_json:
        print(json.dumps(report))
        return
    for problem in report["problems"]:
        print(f"mcpbridge: {visible(problem)}", file=sys.stderr)
    for label in report["skipped"]:
        print(f"{label}: only the provider can reach it, so what was pinned of it stays", file=sys.stderr)
    for label, names in report["left_out"].items():
        for name, why in names.items():
            said = f"{label}.{name} is not pinned, since it is not offered to the model: {why}"
            print(visible(said, newlines=False), file=sys.stderr)
    for file in report.get("files", ()):
        for line in file["differences"]:
            print(line)
        said = _compared(file, report["not_compared"]) if check else _written(file)
        print(f"{file['file']}: {said}")
