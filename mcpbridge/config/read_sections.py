"""The small sections: approvals, audit, replay, limits, logging, groups."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from mcpbridge.config.files import joined
from mcpbridge.config.keys import APPROVALS, AUDIT, LIMITS, LOGGING, REPLAY
from mcpbridge.config.models import (
    Approvals,
    AuditConfig,
    AuditLevel,
    Limits,
    LogFormat,
    Logging,
    LogLevel,
    Replay,
    Replayed,
    WhoIsAsked,
)
from mcpbridge.config.reader import Reader

_LATER_ASKERS: Final = ("inbox", "webhook")
_LATER_LEVELS: Final = ("sealed", "full")


def read_approvals(section: Reader) -> Approvals:
    section.only(*APPROVALS)
    default = Approvals()
    if section.values.get("ask") in _LATER_ASKERS:
        word = section.values["ask"]
        section.refuse(
            f"approvals.ask: {word} is not available in this version; write terminal or deny", "ask"
        )
        return default
    return Approvals(
        ask=section.choice("ask", get_args(WhoIsAsked), default.ask),
        timeout=section.duration("timeout", default.timeout),
    )


def read_audit(section: Reader) -> AuditConfig:
    section.only(*AUDIT)
    path = section.text("path", "audit/") or "audit/"
    return AuditConfig(path=joined(section.directory, path), levels=_levels(section.child("levels")))


def _levels(section: Reader) -> Mapping[str, AuditLevel]:
    found: dict[str, AuditLevel] = {}
    for glob in section.values:
        if "." not in glob and "*" not in glob:
            section.refuse(
                f"audit.levels: {glob!r} names no tool; write label.tool, or a glob such as label.*", glob
            )
        if section.values[glob] in _LATER_LEVELS:
            word = section.values[glob]
            section.refuse(
                f"audit.levels: {word} is not available in this version; write none, metadata or arguments",
                glob,
            )
            continue
        level: AuditLevel | None = section.optional_choice(glob, get_args(AuditLevel))
        if level is not None:
            found[glob] = level
    return MappingProxyType(found)


def read_replay(section: Reader) -> Replay:
    section.only(*REPLAY)
    return Replay(mcp_results=section.choice("mcp_results", get_args(Replayed), "auto"))


def read_limits(section: Reader) -> Limits:
    section.only(*LIMITS)
    default = Limits()
    return Limits(
        max_rounds=section.integer("max_rounds", default.max_rounds),
        max_parallel_tools=section.integer("max_parallel_tools", default.max_parallel_tools),
        tool_timeout=section.duration("tool_timeout", default.tool_timeout),
        repeated_requests=section.integer("repeated_requests", default.repeated_requests),
    )


def read_logging(section: Reader) -> Logging:
    section.only(*LOGGING)
    default = Logging()
    return Logging(
        format=section.choice("format", get_args(LogFormat), default.format),
        level=section.choice("level", get_args(LogLevel), default.level),
    )


def read_groups(section: Reader) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: section.texts(name) or () for name in section.values})
