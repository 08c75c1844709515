"""What the linter can say: the checks, and what one of them found at one place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Level(StrEnum):
    """How bad it is. The words are those of SARIF."""

    ERROR = "error"
    """The file cannot be loaded, or a rule says something that cannot be meant."""
    WARNING = "warning"
    NOTE = "note"
    """Worth knowing; only `--strict` counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One kind of finding."""

    id: str
    level: Level
    title: str
    """A few words."""
    why: str
    """What goes wrong where nobody does anything about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found in one place."""

    check: str
    """The id of a `Check`."""
    file: str
    line: int
    """Counts from 1; 0 is the whole file."""
    message: str
    """What is there."""
    instead: str
    """What to write."""
    rule_id: str = ""
    accepted: bool = False
    """Whether the file says that this is meant, with a comment `# accept: ID` there."""

    @property
    def level(self) -> Level:
        return CHECKS[self.check].level

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        advice = f"; {self.instead}" if self.instead else ""
        return f"{place}: {self.level.value}: {self.message}{advice} [{self.check}]"


_ERROR, _WARNING, _NOTE = Level.ERROR, Level.WARNING, Level.NOTE
_ALL: Final = (
    ("not-loaded", _ERROR, "The file cannot be loaded", "A policy that does not load is not in force."),
    (
        "missing-default",
        _ERROR,
        "No default decision",
        "Where no rule speaks, nobody would know what holds; such a file is refused.",
    ),
    (
        "shadowed",
        _WARNING,
        "A rule that never decides",
        "Stricter rules match every call it matches: deny beats ask, ask beats allow, in any order.",
    ),
    (
        "contradictory",
        _ERROR,
        "Rules or conditions that exclude each other",
        "Two rules that say different things about the same calls, or conditions that no call meets.",
    ),
    (
        "vacuous",
        _WARNING,
        "A condition that decides nothing",
        "It holds for every value or for none, so it is not the check that its author had in mind.",
    ),
    (
        "duplicate",
        _WARNING,
        "Said twice",
        "Whoever changes one of the two believes to have changed the policy.",
    ),
    (
        "unreachable",
        _WARNING,
        "A rule about nothing that is there",
        "No known tool, or nobody, is meant by it; often a name is misspelt.",
    ),
    (
        "unknown-tool",
        _WARNING,
        "A tool that no server has",
        "The rule protects or permits nothing, and the tool that was meant goes by the default.",
    ),
    (
        "unknown-field",
        _WARNING,
        "An argument that the tool does not have",
        "An allow rule never matches such calls; a deny or ask rule matches all of them, undecided.",
    ),
    (
        "wrong-type",
        _WARNING,
        "A value that the tool's schema does not have",
        "The condition is undecided or false for every call that fits the tool's schema.",
    ),
    (
        "over-broad",
        _WARNING,
        "A glob that lets more pass than it says",
        "It allows tools that write, or of servers that nobody thought of, with any arguments.",
    ),
    (
        "optional-guard",
        _WARNING,
        "An optional argument in a rule that asks or denies",
        "`name?` holds where the argument is missing, so such calls are asked about or denied.",
    ),
    (
        "matches-everything",
        _WARNING,
        "A regular expression that every text matches",
        "It looks like a check, and passes everything.",
    ),
    (
        "climbing-text",
        _WARNING,
        "A beginning that `..` leads out of",
        "`notes://public/../private` begins with `notes://public/`, and servers resolve the dots, also "
        "percent-encoded ones.",
    ),
    (
        "grounded-type",
        _WARNING,
        "Words looked for where no text is",
        "`grounded` and `no_new_links` speak about texts (and numbers); about others they are undecided.",
    ),
    (
        "idle-limit",
        _WARNING,
        "A limit that can never bind",
        "It counts calls that cannot happen, or another limit always ends them first.",
    ),
    (
        "idle-approvers",
        _WARNING,
        "People who are never asked",
        "The rule about them promises an agreement that no call waits for.",
    ),
    (
        "unmet-quorum",
        _WARNING,
        "More people have to agree than can",
        "Every such call waits until its time is over.",
    ),
    (
        "late-escalation",
        _WARNING,
        "An escalation that comes too late",
        "The question is over before the next people may agree.",
    ),
    (
        "literal-sign",
        _WARNING,
        "A sign of another pattern language in a tool's name",
        "Only `*` is special: `a.b?` and `a.[xy]` match no tool that has another name than these very signs.",
    ),
    (
        "short-quorum",
        _NOTE,
        "Too few people where one of them requests the call",
        "Whoever requests a call does not count, and the others are fewer than have to agree.",
    ),
    (
        "allow-by-default",
        _NOTE,
        "Everything that no rule names is allowed",
        "A tool that a server adds tomorrow runs without anybody having decided so.",
    ),
    (
        "idle-accept",
        _NOTE,
        "A comment that accepts nothing",
        "What it accepted is gone, or stands elsewhere; it would hide the next such finding.",
    ),
    (
        "no-examples",
        _NOTE,
        "A rule without examples",
        "Examples are checked at every load; without them a slip in the rule shows in production.",
    ),
)
CHECKS: Final = MappingProxyType(
    {id_: Check(id=id_, level=level, title=title, why=why) for id_, level, title, why in _ALL}
)
"""Every check, by id. The ids are stable."""
