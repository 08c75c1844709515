"""What a configuration may say and hardly means: rules about servers and tools that are not declared."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Final

from mcpbridge.config.declaration import LOCAL_LABEL, ServerDeclaration
from mcpbridge.config.duration import DAY
from mcpbridge.config.models import Configuration
from mcpbridge.errors import Problem
from mcpbridge.policy.glob import Glob

HALF_A_YEAR: Final = 183 * DAY
"""Seconds."""


def config_warnings(config: Configuration) -> list[Problem]:
    """Rules that can never match, by file and line. Such a configuration loads all the same."""
    servers = {server.label: server for server in config.servers}
    return [*_short_retention(config), *_without_lock(config), *_not_offered(config)] + [
        Problem(file=policy.file, line=rule.line, message=f"the rule `{rule.id}` names {pattern}, {why}")
        for policy in config.policies
        for rule in policy.rules
        for pattern, why in _idle([glob.pattern for glob in rule.tools], servers)
    ]


def _short_retention(config: Configuration) -> Iterator[Problem]:
    kept = config.audit.retention
    if kept is not None and kept < HALF_A_YEAR:
        message = (
            f"audit.retention: {kept / DAY:g}d is less than the 183d that records of automated decisions are "
            "commonly kept for (EU 2024/1689, Art. 19 and 26: six months at least)"
        )
        yield Problem(file=config.file, line=config.audit.retention_line, message=message)


def _without_lock(config: Configuration) -> Iterator[Problem]:
    for policy in config.policies:
        if policy.pins is not None and policy.pins.file and policy.pins.lock is None:
            line = policy.document.line(("pins", "file")) if policy.document is not None else 0
            message = f"pins.file: {policy.pins.file} is not there, so no tool is pinned; run `mcpbridge pin`"
            yield Problem(file=policy.file, line=line, message=message)


def _not_offered(config: Configuration) -> Iterator[Problem]:
    """`via: auto` where the provider connects: what it offers of a server are the tools."""
    if not (config.model.profile.hosted_mcp and config.model.profile.approvals_honoured):
        return
    for server in config.servers:
        if server.via == "auto" and server.connection.offer:
            file, _, line = server.origin.rpartition(":")
            message = (
                f"server {server.label!r}: this endpoint connects to it, and then offer adds nothing; write "
                "via: bridge where the model shall read its resources or prompts"
            )
            yield Problem(file=file, line=int(line) if line.isdecimal() else 0, message=message)


def _idle(patterns: list[str], servers: Mapping[str, ServerDeclaration]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        label, dot, tool = pattern.partition(".")
        if not dot:
            continue  # `*delete*`: any server's
        if not any(Glob(label).matches(known) for known in (*servers, LOCAL_LABEL)):
            close = difflib.get_close_matches(label, servers, n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            yield pattern, f"and no server {label!r} is declared{guess}"
        elif label in servers and "*" not in tool and not _offered(servers[label], tool):
            close = difflib.get_close_matches(tool, servers[label].allowed_tools or (), n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            yield pattern, f"and allowed_tools of the server {label!r} does not{guess}"


def _offered(server: ServerDeclaration, tool: str) -> bool:
    return server.callable_tools is None or tool in server.callable_tools
