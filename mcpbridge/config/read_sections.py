"""The small sections: approvals, replay, limits, logging, groups."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from mcpbridge.config.keys import APPROVALS, LIMITS, LOGGING, REPLAY
from mcpbridge.config.models import (
    Approvals,
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
