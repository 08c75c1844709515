"""What the policy commands read: policies, tools, configurations."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mcpbridge.cli.parsing import DEFAULT_CONFIG
from mcpbridge.errors import ConfigurationError, Problem, UsageError

if TYPE_CHECKING:
    from mcpbridge.config import Configuration
    from mcpbridge.policy import Policy
    from mcpbridge.policy.draft import Toolbox
    from mcpbridge.policy.lint import Known

_LABELLED: Final = re.compile(r"([A-Za-z0-9-]+)=(.+)", re.DOTALL)
_PROBE_SECONDS: Final = 20.0


def read_text(name: str, what: str) -> str:
    """A file's text, or standard input for `-`. Raises UsageError."""
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{name}: not UTF-8 text; write {what} as UTF-8") from None
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}; name {what}") from None


def policy_text(name: str) -> str:
    """The text of a policy file, or of a policy that comes with mcpbridge. Raises UsageError."""
    from mcpbridge.config.shipped import NotShipped, is_shipped_name, shipped

    if name != "-" and is_shipped_name(name) and not Path(name).exists():
        try:
            return shipped("policies", name)[0]
        except NotShipped as error:
            raise UsageError(f"{name}: there is no such file, and {error}") from None
    return read_text(name, "a policy file")


def load_policies(names: Sequence[str]) -> list[Policy]:
    """All of them, or every problem in all of them (ConfigurationError)."""
    from mcpbridge.policy import load_policy

    problems: list[Problem] = []
    loaded: list[Policy] = []
    for name in names:
        try:
            loaded.append(load_policy(policy_text(name), file=name))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return loaded


def configuration(args: argparse.Namespace) -> Configuration | None:
    """The configuration that `-c` names; None without `-c`."""
    if args.config is None:
        return None
    from mcpbridge.config import load_config

    return load_config(args.config)


def policies_of(args: argparse.Namespace, files: Sequence[str]) -> list[Policy]:
    """The policies of the command line, else those of the configuration (by default ./mcpbridge.yaml)."""
    if files:
        return load_policies(files)
    from mcpbridge.config import load_config

    if args.config is None and not Path(DEFAULT_CONFIG).exists():
        raise UsageError("which policy? Name a policy file, or a configuration with -c FILE")
    return list(load_config(args.config or DEFAULT_CONFIG).policies)


def read_tools(names: Sequence[str]) -> list[Toolbox]:
    """Tools of files, each `FILE` or `LABEL=FILE`. Raises UsageError."""
    from mcpbridge.policy.draft import DefinitionsUnreadable, read_definitions

    boxes: list[Toolbox] = []
    for name in names:
        labelled = None if Path(name).exists() else _LABELLED.fullmatch(name)
        label, file = (labelled[1], labelled[2]) if labelled else (None, name)
        try:
            boxes += read_definitions(read_text(file, "a list of tools"), file=file, label=label)
        except DefinitionsUnreadable as error:
            raise UsageError(str(error)) from None
    return boxes


def known_world(
    boxes: Sequence[Toolbox], config: Configuration | None, *, probe: bool = False
) -> Known | None:
    """What is known about servers, tools and groups; None where nobody said anything."""
    from mcpbridge.policy.lint import Known

    if config is None and not boxes:
        return None
    boxes = [*boxes, *(_probed(config) if config is not None and probe else [])]
    labels = {box.label for box in boxes}
    listed: dict[str, frozenset[str]] = {}
    if config is not None:
        labels |= {server.label for server in config.servers}
        listed |= {
            server.label: server.callable_tools
            for server in config.servers
            if server.callable_tools is not None
        }
    for box in boxes:
        names = frozenset(tool.name for tool in box.tools)
        listed[box.label] = names & listed.get(box.label, names)
    return Known(
        labels=frozenset(labels),
        listed=listed,
        definitions={
            f"{box.label}.{tool.name}": tool
            for box in boxes
            for tool in box.tools
            if tool.name in listed[box.label]
        },
        groups=frozenset(config.groups) if config is not None else None,
        principal=config.principal if config is not None else "",
    )


def _probed(config: Configuration) -> list[Toolbox]:
    """What the servers list now. One that cannot be listed is told, and its tools stay unknown."""
    from mcpbridge.cli.interrupts import run_until_stopped
    from mcpbridge.cli.probing import probe_all
    from mcpbridge.config import process_sources
    from mcpbridge.policy.draft import DefinitionsUnreadable, read_definitions

    probes = run_until_stopped(
        probe_all(config.servers, process_sources(), within=_PROBE_SECONDS, profile=config.model.profile)
    )
    listed: list[Mapping[str, object]] = []
    for probe in probes:
        if probe.problem or probe.skipped:
            why = probe.problem or f"{probe.label}: {probe.skipped}"
            print(f"mcpbridge: its tools are not known: {why}", file=sys.stderr)
            continue
        tools = [{"allowed": tool.allowed, "definition": tool.definition} for tool in probe.tools]
        listed.append({"label": probe.label, "identity": probe.identity, "tools": tools})
    if not listed:
        return []
    try:
        return list(read_definitions(json.dumps({"servers": listed}), file=config.file))
    except DefinitionsUnreadable as error:
        raise UsageError(str(error)) from None
