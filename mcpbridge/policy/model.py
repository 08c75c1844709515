"""What a policy is once it has been read: frozen data, with its conditions compiled to functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.ruling import Effect, RuleMatch, Ruling
from mcpbridge.policy.doubled import doubled
from mcpbridge.policy.glob import Glob

if TYPE_CHECKING:
    from mcpbridge.core.yaml_lines import Document
    from mcpbridge.policy.approvers import ApproverRule
    from mcpbridge.policy.grants import GrantTerms
    from mcpbridge.policy.limits import Limit
    from mcpbridge.policy.pins_model import Pins
    from mcpbridge.policy.said.remembered import Remembered
    from mcpbridge.policy.said.words import UserWords

Truth = bool | None
"""True, false, or None: *undecided* (a field is missing, null, of the wrong type, not a number)."""

Arguments = Mapping[str, object]

Named = Mapping[str, "Named | None"]
"""The arguments a rule names, as a tree; None stands for a value that is named as a whole."""

MISSING: Final = object()
NOT_AN_OBJECT: Final = object()
"""Neither is a JSON value, so no matcher decides about them."""

STRICTNESS: Final = {Effect.ALLOW: 0, Effect.ASK: 1, Effect.DENY: 2}
_MAX_PLANS: Final = 1024
_NESTED: Final[frozenset[type]] = frozenset((dict, list))
_MAX_RULINGS: Final = 64
"""Tool names and arguments come from a model; the memory kept for them must not grow without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a ruling may depend on besides the call. Everything that changes comes in here."""

    principal: str
    """On whose behalf the agent works; empty when nobody said so."""
    groups: frozenset[str] = frozenset()
    known_tool: bool = True
    """False when no declared server (and no local function) is known to have this tool."""
    user_texts: tuple[str, ...] = ()
    """What the user wrote in this conversation: never context, files, templates or tool results."""
    definition: ToolDefinition | None = None
    """The tool as its server last listed it; None when nobody has seen it."""
    trust_annotations: bool = False
    """Whether the operator declared that this server's annotations may be believed."""
    remembered: Remembered | None = field(repr=False, compare=False, default=None)
    """Where prepared `user_texts` are kept for the next ruling; None keeps them here only."""
    _words: UserWords | None = field(init=False, repr=False, compare=False, default=None)

    @property
    def words(self) -> UserWords:
        """`user_texts`, prepared for looking things up; prepared once."""
        from mcpbridge.policy.said.words import UserWords  # only policies that ask for words need it

        if self._words is None:
            prepare = UserWords if self.remembered is None else self.remembered.words
            object.__setattr__(self, "_words", prepare(self.user_texts))
        assert self._words is not None
        return self._words


Decide = Callable[[object, Facts], Truth]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One matcher on one value, such as `<= 100`."""

    name: str
    """As in YAML: `le`."""
    operand: object
    """As in YAML, plain data: 100."""
    text: str
    """For people and the audit: the rule's operand, never a call's value."""
    kinds: frozenset[str]
    """The types of value it can decide about."""
    decide: Decide
    parts: tuple[tuple[Matcher, ...], ...] = ()
    """The matchers inside it: one group for `each` and `any`, one per alternative for `all_of`,
    `any_of` and `none_of`. Within a group all must hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The matchers on one field of the arguments."""

    path: tuple[str, ...]
    optional: bool = False
    matchers: tuple[Matcher, ...] = ()

    @property
    def field(self) -> str:
        return ".".join(self.path)

    @property
    def texts(self) -> tuple[str, ...]:
        """Such as `amount <= 100`."""
        absent = " (where given)" if self.optional else ""
        return tuple(f"{self.field} {matcher.text}{absent}" for matcher in self.matchers)

    def truths(self, arguments: Arguments, facts: Facts) -> tuple[Truth, ...]:
        """What each matcher says: the slow, complete way, for people."""
        value = descend(arguments, self.path)
        if value is MISSING:
            return tuple(True if self.optional else None for _ in self.matchers)
        return tuple(matcher.decide(value, facts) for matcher in self.matchers)


def descend(value: object, path: tuple[str, ...]) -> object:
    """The value at a path below `value`; NOT_AN_OBJECT where something on the way has no fields."""
    for name in path:
        if not isinstance(value, Mapping):
            return MISSING if value is MISSING else NOT_AN_OBJECT
        value = cast("Arguments", value).get(name, MISSING)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whom a rule is about: one of the principals, or a member of one of the groups."""

    principals: tuple[Glob, ...] = ()
    groups: tuple[Glob, ...] = ()

    def covers(self, facts: Facts) -> Truth:
        """Undecided when no group fits and nobody said who the principal is."""
        if any(glob.matches(group) for glob in self.groups for group in facts.groups):
            return True
        if not facts.principal:
            return None
        return any(glob.matches(facts.principal) for glob in self.principals)

    @property
    def text(self) -> str:
        names = [*(f"principal {glob.pattern}" for glob in self.principals)]
        return "who: " + ", ".join([*names, *(f"group {glob.pattern}" for glob in self.groups)])


Test = tuple[str, tuple[str, ...], Truth, Decide]
"""First name of the path, the rest of it, the truth when the field is missing, what to ask of it."""


def _unpack(condition: Condition) -> list[Test]:
    head, *rest = condition.path
    missing: Truth = True if condition.optional else None
    return [(head, tuple(rest), missing, matcher.decide) for matcher in condition.matchers]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One rule of a file."""

    id: str
    effect: Effect
    tools: tuple[Glob, ...]
    who: Who | None = None
    when: tuple[Condition, ...] = ()
    """All must hold (three-valued)."""
    args_schema: Matcher | None = None
    """On all arguments together."""
    annotations: tuple[Matcher, ...] = ()
    """On what the tool's server says about it."""
    named: Named | None = None
    """Set on allow rules with `when:`, unless they say `other_arguments: any`: a call with any other
    argument does not match."""
    flat: frozenset[str] | None = field(init=False, repr=False)
    """`named` where every argument is named as a whole, for speed."""
    reason: str = ""
    line: int = 1
    policy: str = ""
    strictness: int = field(init=False, repr=False)
    """Grows from allow to deny."""
    match: RuleMatch = field(init=False, repr=False)
    """The record of a match in which every predicate held: the same every time, so made once."""
    tests: tuple[Test, ...] = field(init=False, repr=False)
    """`when`, unpacked for speed."""
    whole: tuple[Matcher, ...] = field(init=False, repr=False)
    """`args_schema` and `annotations`: what is asked of the call as a whole."""

    def __post_init__(self) -> None:
        who = () if self.who is None else (self.who.text,)
        whole = self.annotations if self.args_schema is None else (self.args_schema, *self.annotations)
        predicates = (
            *who,
            *(text for condition in self.when for text in condition.texts),
            *(matcher.text for matcher in whole),
        )
        match = RuleMatch(rule_id=self.id, effect=self.effect, predicates=predicates, policy=self.policy)
        object.__setattr__(self, "match", match)
        object.__setattr__(self, "whole", whole)
        named = self.named or {}
        flat = None if any(below is not None for below in named.values()) else frozenset(named)
        object.__setattr__(self, "flat", flat)
        object.__setattr__(self, "strictness", STRICTNESS[self.effect])
        object.__setattr__(self, "tests", tuple(test for one in self.when for test in _unpack(one)))

    def covers(self, name: str) -> bool:
        """Whether `tools:` names this `label.tool`."""
        return any(glob.matches(name) for glob in self.tools)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """The rules that name one tool, in file order, and the rulings made of them so far.

    A ruling of a known tool in which nothing is undecided depends only on which rules matched, so it
    is made once and handed out again.
    """

    rules: tuple[Rule, ...]
    plain: frozenset[str] = field(init=False, repr=False)
    """First names of what the rules ask about, where nothing else needs a look: arguments of these names only
    are read as they are."""
    _deep: bool = field(init=False, repr=False)
    """Whether they look into objects, or at all arguments together."""
    _plain: set[tuple[str, ...]] = field(init=False, repr=False, default_factory=set[tuple[str, ...]])
    """Names of arguments that came together and have no double."""
    _rulings: dict[tuple[object, ...], Ruling] = field(
        init=False, repr=False, default_factory=dict[tuple[object, ...], "Ruling"]
    )

    def __post_init__(self) -> None:
        tests = [test for rule in self.rules for test in rule.tests]
        asked = frozenset(head for head, *_ in tests)
        deep = any(rest for _, rest, *_ in tests) or any(rule.args_schema for rule in self.rules)
        deep = deep or len({*map(str.casefold, asked)}) < len(asked)
        object.__setattr__(self, "plain", frozenset() if deep else asked)
        object.__setattr__(self, "_deep", deep)

    def may_be_misled(self, arguments: Arguments) -> bool:
        """Whether a name that is asked about may have a double: asked where not all are `plain`."""
        if self._deep:
            return True
        if not self.plain:  # nothing is asked about
            return False
        names = tuple(arguments)
        if names not in self._plain:
            if doubled(names):
                return True
            if len(self._plain) >= _MAX_RULINGS:
                self._plain.clear()
            self._plain.add(names)
        return not _NESTED.isdisjoint(map(type, arguments.values()))

    def recall(self, matched: tuple[object, ...]) -> Ruling | None:
        return self._rulings.get(matched)

    def remember(self, matched: tuple[object, ...], ruling: Ruling) -> Ruling:
        if len(self._rulings) >= _MAX_RULINGS:
            self._rulings.clear()
        self._rulings[matched] = ruling
        return ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds where no rule speaks."""

    decision: Effect
    unknown_tool: Effect = Effect.DENY
    ask_timeout: float | None = None
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """One policy file. Compiled once, used for every action."""

    name: str
    """The file's name, without folders."""
    file: str
    """The file as the caller of `load_policy` named it."""
    text: str = field(repr=False)
    hash: str
    """SHA-256, hex, of `text`."""
    defaults: Defaults
    rules: tuple[Rule, ...] = field(repr=False)
    document: Document | None = field(default=None, repr=False)
    """`text` with the line of everything in it, for those who point at places (the linter)."""
    path: str = ""
    """Where the text was read; empty where it is shipped, or came as text."""
    pins: Pins | None = None
    """None: the file says nothing of pins."""
    limits: tuple[Limit, ...] = field(default=(), repr=False)
    grants: GrantTerms | None = field(default=None, repr=False)
    """None: the file says nothing of grants, so that each binds all arguments."""
    approvers: tuple[ApproverRule, ...] = field(default=(), repr=False)
    shadow: bool = False
    """`mode: shadow`: what it says is recorded, and changes nothing."""
    _plans: dict[str, Plan] = field(init=False, repr=False, default_factory=dict[str, Plan])

    def plan(self, name: str) -> Plan:
        """What concerns one `label.tool`; remembered per name."""
        plan = self._plans.get(name)
        if plan is None:
            plan = Plan(rules=tuple(rule for rule in self.rules if rule.covers(name)))
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
            self._plans[name] = plan
        return plan
