"""What was decided, and why. `Ruling` comes from policies, `Decision` is the last word on an action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What a rule says. Strictness grows from allow to deny."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Outcome(StrEnum):
    """How an action was decided. Distinct everywhere: audit, API, `--json` (POLICY, semantics 7)."""

    POLICY_ALLOW = "policy_allow"
    HUMAN_ALLOW = "human_allow"
    GRANT_ALLOW = "grant_allow"
    POLICY_DENY = "policy_deny"
    HUMAN_DENY = "human_deny"
    TIMEOUT = "timeout"
    NO_APPROVER = "no_approver"
    PIN_MISMATCH = "pin_mismatch"
    PIN_MISSING = "pin_missing"
    UNKNOWN_TOOL = "unknown_tool"
    MALFORMED = "malformed"
    LIMIT = "limit"
    FROZEN = "frozen"
    ERROR = "error"

    @property
    def allowed(self) -> bool:
        return self in _ALLOWED


_ALLOWED = frozenset({Outcome.POLICY_ALLOW, Outcome.HUMAN_ALLOW, Outcome.GRANT_ALLOW})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMatch:
    """A rule that matched, with the predicates that made it match (no argument values in them)."""

    rule_id: str
    effect: Effect
    predicates: tuple[str, ...] = ()
    undecided: bool = False
    """True when a deny or ask rule matched because a predicate could not be evaluated."""
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the policies say about one action: deny > ask > allow over all matching rules."""

    effect: Effect
    outcome: Outcome | None
    """Set when the ruling is final (allow or deny); None when a person must be asked."""
    reason: str
    """For the model on a denial, for the person on a question. Never leaks values of other rules."""
    matches: tuple[RuleMatch, ...] = ()
    policy_hash: str = ""
    ask_timeout: float | None = None
    """Seconds a person has; None leaves it to the approver's configuration."""
    notes: tuple[str, ...] = ()
    """What a person must see before they decide, line by line: how a tool's definition has changed."""
    shadows: tuple[Ruling, ...] = ()
    """What policies in `mode: shadow` would have said, for the record."""
    grantable: bool = True
    """Whether an "always" may answer it: not where nobody knows the tool, or its definition has changed."""

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """Ids of the rules that carry the effect, in file order."""
        return tuple(match.rule_id for match in self.matches if match.effect is self.effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """A person's yes. `by` names them; `always` asks for a grant, bound as the question's screen says."""

    by: str = ""
    reason: str = ""
    always: bool = False
    ttl: float | None = None
    """With `always`: for so many seconds; None: for as long as the policy permits."""
    uses: int | None = None
    """With `always`: for so many further calls; None: for as many as the policy permits."""
    arguments: Mapping[str, Any] | None = None
    """Other arguments than the model's, for a call that runs here: it is validated and ruled again."""
    authenticated: bool = False
    """True only where the approver proved who they are; a typed name is a claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """A person's no, with the reason the model is told."""

    by: str = ""
    reason: str = ""
    authenticated: bool = False


Answer = Approve | Deny
"""What an approver returns. Anything else is an error and denies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The last word on one action. `allowed` is true for the three allowing outcomes only."""

    outcome: Outcome
    reason: str = ""
    approver: str = ""
    authenticated: bool = False
    screen_hash: str = ""
    """SHA-256 of what the person was shown."""

    @property
    def allowed(self) -> bool:
        return self.outcome.allowed
