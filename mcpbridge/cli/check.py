"""`mcpbridge check`: every problem of a configuration at once, by file and line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.exits import COMPLETED, USAGE
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_config, add_json
from mcpbridge.cli.way import way
from mcpbridge.core.question import visible

if TYPE_CHECKING:
    from mcpbridge.config import Configuration, Profile, ServerDeclaration
    from mcpbridge.errors import Problem
    from mcpbridge.policy import Policy

_WARNING: Final = "warning"
_CAPABILITIES: Final = {
    "hosted_mcp": "hosted MCP",
    "approvals_honoured": "approvals honoured",
    "encrypted_reasoning": "encrypted reasoning",
}


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "check",
        help="name every problem of the configuration, with file and line",
        description="Reads the configuration, the servers and policies it names, and looks up every secret "
        "they refer to. Contacts nobody. Exit code 0, or 2 where there is a problem. A "
        "warning (a rule about a server or tool that is not declared) is none.",
    )
    add_config(parser)
    add_json(parser, "one JSON object instead of text")
    parser.add_argument(
        "--schema",
        choices=("mcpbridge", "server", "profile", "policy", "audit-record"),
        help="print a JSON Schema instead: of the configuration, of a server declaration, of an endpoint's "
        "profile or of a policy, as this version reads them; or of a line of the audit log, as it writes it",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, and say what was checked."""
    if args.schema:
        print(_schema(args.schema))
        return COMPLETED
    from mcpbridge.config import check_config, config_warnings, load_config

    file = args.config or DEFAULT_CONFIG
    problems = check_config(file)
    config = None if problems else load_config(file)
    warnings = [] if config is None else config_warnings(config)
    if args.json:
        print(json.dumps(_as_json(file, problems, warnings, config)))
    else:
        for line in _complaints(file, problems) if config is None else _summary(config, warnings):
            print(line)
    return USAGE if problems else COMPLETED


def _schema(name: str) -> str:
    from mcpbridge.audit.schema import record_schema
    from mcpbridge.config.schema import SCHEMAS
    from mcpbridge.policy.schema import policy_schema

    made = {**SCHEMAS, "policy": policy_schema, "audit-record": record_schema}
    return json.dumps(made[name](), indent=2)


def _complaints(file: str, problems: Sequence[Problem]) -> Iterator[str]:
    yield from (str(problem) for problem in problems)
    yield f"{_many(len(problems), 'problem')} in {' and '.join(_files(file, problems))}"


def _files(file: str, problems: Sequence[Problem]) -> list[str]:
    """Those with problems, the configuration itself first."""
    names = dict.fromkeys(problem.file for problem in problems)
    return sorted(names, key=lambda name: name != file)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _summary(config: Configuration, warnings: Sequence[Problem]) -> Iterator[str]:
    for warning in warnings:
        yield str(replace(warning, message=f"warning: {warning.message}"))
    yield f"{config.file}: no problems{f', {_many(len(warnings), _WARNING)}' if warnings else ''}"
    yield f"  model      {config.model.name} at {config.model.base_url} ({config.model.endpoint})"
    yield f"  profile    {config.model.profile.name}: {_capabilities(config.model.profile)}"
    yield from _column(
        "servers", [_server(server, config.model.profile) for server in config.servers] or ["none"]
    )
    yield from _column("policies", [_policy(policy) for policy in config.policies])
    yield f"  approvals  {config.approvals.ask}, {_duration(config.approvals.timeout)}"
    yield f"  audit      {config.audit.path}"
    frozen = _frozen(config)
    if frozen is not None:
        yield f"  FROZEN     {visible(frozen, newlines=False)} See `mcpbridge thaw`."
    if config.accept_ungated:
        yield f"  UNGATED    {', '.join(sorted(config.accept_ungated))}: these never ask"
    yield "Every secret that is referred to is there. Nobody was contacted: see `mcpbridge servers probe`."


def _frozen(config: Configuration) -> str | None:
    from mcpbridge.adapters.freeze_file import FreezeFile

    return FreezeFile.of(config.audit.path).reason()


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g}m" if seconds >= 60 else f"{seconds:g}s"


def _column(name: str, entries: Sequence[str]) -> Iterator[str]:
    for number, entry in enumerate(entries):
        yield f"  {name if number == 0 else '':<11}{entry}"


def _capabilities(profile: Profile) -> str:
    return ", ".join(text if getattr(profile, name) else f"NO {text}" for name, text in _CAPABILITIES.items())


def _server(server: ServerDeclaration, profile: Profile) -> str:
    tools = "all tools" if server.allowed_tools is None else _many(len(server.allowed_tools), "tool")
    observed = ", OBSERVED: its calls run without asking" if server.observe else ""
    reached = "" if server.via == "hosted" else f", {way(server, profile)}"
    offers = f", offers {' and '.join(server.connection.offer)}" if server.connection.offer else ""
    return f"{server.label}  {server.identity}  {tools}{offers}{reached}{observed}"


def _policy(policy: Policy) -> str:
    shadow = ", SHADOW: recorded, not enforced" if policy.shadow else ""
    return f"{policy.file}  {_many(len(policy.rules), 'rule')}, otherwise {policy.defaults.decision}{shadow}"


def _as_json(
    file: str, problems: Sequence[Problem], warnings: Sequence[Problem], config: Configuration | None
) -> dict[str, Any]:
    listed = [{**asdict(problem), "severity": "error"} for problem in problems]
    listed += [{**asdict(warning), "severity": "warning"} for warning in warnings]
    found: dict[str, Any] = {"file": file, "ok": not problems, "problems": listed}
    if config is not None:
        found |= {
            "model": config.model.name,
            "endpoint": config.model.endpoint,
            "base_url": config.model.base_url,
            "profile": asdict(config.model.profile),
            "servers": [server.label for server in config.servers],
            "policies": [{"file": p.file, "hash": p.hash} for p in config.policies],
            "audit": str(config.audit.path),
            "frozen": _frozen(config),
        }
    return found
