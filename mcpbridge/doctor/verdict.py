"""What a check found: one line for people, and the profile keys that it measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

_LONGEST: Final = 600
"""Characters of what came back that are shown."""
Facts: TypeAlias = Mapping[str, bool | str]
"""Keys of a profile (`config.profiles_model.Profile`) with what was measured."""


class Severity(StrEnum):
    """`unknown` is what was not tested, or where the model may simply not have obeyed."""

    FINDING = "finding"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one check found. Texts are short, and hold no secret."""

    severity: Severity
    sent: str = ""
    """What was asked of the endpoint."""
    came: str = ""
    """What came back, or what the throw-away server saw."""
    means: str = ""
    """What follows for the configuration."""
    untested: str = ""
    """Why it was not tested at all; empty where it was."""
    unsafe: bool = False
    """Hosted servers must not be used with this endpoint."""
    fatal: bool = False
    """Nothing more can be found out."""
    facts: Facts = field(default_factory=dict[str, bool | str])


def _cut(came: str) -> str:
    return came if len(came) <= _LONGEST else f"{came[:_LONGEST]}…"


def ok(sent: str, came: str, means: str = "", **facts: bool | str) -> Verdict:
    return Verdict(severity=Severity.OK, sent=sent, came=_cut(came), means=means, facts=facts)


def finding(sent: str, came: str, means: str, *, unsafe: bool = False, **facts: bool | str) -> Verdict:
    return Verdict(
        severity=Severity.FINDING, sent=sent, came=_cut(came), means=means, unsafe=unsafe, facts=facts
    )


def unknown(sent: str, came: str, means: str = "inconclusive: the model may not have obeyed") -> Verdict:
    return Verdict(severity=Severity.UNKNOWN, sent=sent, came=_cut(came), means=means)


def untested(why: str) -> Verdict:
    return Verdict(severity=Severity.UNKNOWN, untested=why)


def fatal(sent: str, came: str, means: str) -> Verdict:
    return Verdict(severity=Severity.FINDING, sent=sent, came=_cut(came), means=means, fatal=True)
