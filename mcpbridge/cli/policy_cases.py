"""Test files of policies: calls, and what is expected of them. Read strictly, with lines.

version: 1
policies: [policy.yaml]            # beside this file; else those of the command line
tools: [github=tools.json]         # what is known; may be left out
cases:
  - name: a small payment runs
    tool: bank.pay
    arguments: {amount: 5, recipient: DE89}
    user: pay 5 to DE89
    expect: allow                  # or {decision, outcome, rules, reason}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from mcpbridge.cli.policy_calls import FORMS, call_of
from mcpbridge.cli.policy_functions import Functions
from mcpbridge.cli.policy_inputs import read_text, read_tools
from mcpbridge.core.action import Action, ToolDefinition
from mcpbridge.core.raw import mapping
from mcpbridge.core.ruling import Effect, Outcome, Ruling
from mcpbridge.core.yaml_lines import Path as Place
from mcpbridge.core.yaml_lines import YamlProblem, parse_yaml
from mcpbridge.errors import ConfigurationError, Problem, UsageError
from mcpbridge.policy import Facts
from mcpbridge.policy.problems import Problems

_TOP: Final = ("version", "policies", "tools", "cases")
_CASE: Final = (
    *("name", "tool", "arguments", "user", "principal", "groups", "known_tool", "annotations"),
    *("trust_annotations", "expect"),
)
_EXPECT: Final = ("decision", "outcome", "rules", "reason")
_EFFECTS: Final = tuple(effect.value for effect in Effect)
_OUTCOMES: Final = tuple(
    one.value for one in (Outcome.POLICY_ALLOW, Outcome.POLICY_DENY, Outcome.UNKNOWN_TOOL, Outcome.MALFORMED)
)
"""Those that policies alone can give; a person's come later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a case says about the ruling; None where it says nothing."""

    decision: str | None = None
    outcome: str | None = None
    rules: frozenset[str] | None = None
    reason: str | None = None
    """A part of it."""

    def differs(self, ruling: Ruling) -> Iterator[str]:
        """Each difference, as a sentence."""
        if self.decision is not None and self.decision != ruling.effect.value:
            yield f"expected {self.decision}, and the policies say {ruling.effect.value}"
        got = ruling.outcome.value if ruling.outcome else "none (a person is asked)"
        if self.outcome is not None and self.outcome != got:
            yield f"expected the outcome {self.outcome}, and it is {got}"
        ids = frozenset(ruling.rule_ids)
        if self.rules is not None and self.rules != ids:
            yield f"expected it to be decided by {_names(self.rules)}, and it is by {_names(ids)}"
        if self.reason is not None and self.reason not in ruling.reason:
            yield f"expected a reason with {self.reason!r}, and it is {ruling.reason!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call and what is expected."""

    name: str
    file: str
    line: int
    action: Action
    facts: Facts
    expected: Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """One test file. `policies` are paths; empty where the command line says which."""

    file: str
    policies: tuple[str, ...]
    cases: tuple[Case, ...]


def read_cases(file: str) -> CaseFile:
    """Read a test file. Raises ConfigurationError with all problems."""
    try:
        document = parse_yaml(read_text(file, "a test file"))
    except YamlProblem as error:
        raise ConfigurationError([Problem(file=file, line=error.line, message=str(error))]) from error
    problems = Problems(file, document)
    shape = "a test file (version: 1, cases: […])"
    top = problems.mapping(document.value, (), shape) or {}
    problems.known_keys(top, (), "key", _TOP)
    if top.get("version") != 1 or top.get("version") is True:
        problems.add(("version",), "write `version: 1`, the one version of this format")
    folder = Path(file).parent
    policies, tools = (_files(top, key, problems) for key in ("policies", "tools"))
    reader = _Reader(file=file, problems=problems, listed=_listed(tools, folder, problems))
    cases = tuple(reader.cases(top.get("cases"), ("cases",)))
    if problems.count:
        raise problems.error()
    return CaseFile(file=file, policies=tuple(str(folder / one) for one in policies), cases=cases)


def _files(top: Mapping[str, Any], key: str, problems: Problems) -> list[str]:
    if key not in top:
        return []
    return [name for _, name in problems.texts(top[key], (key,), f"{key}.yaml")]


def _listed(
    names: Sequence[str], folder: Path, problems: Problems
) -> Mapping[str, Mapping[str, ToolDefinition]]:
    found: dict[str, dict[str, ToolDefinition]] = {}
    for name in names:
        label, equals, path = name.rpartition("=")
        try:
            boxes = read_tools([f"{label}{equals}{folder / path}"])
        except UsageError as error:
            problems.add(("tools",), str(error))
            continue
        for box in boxes:
            found.setdefault(box.label, {}).update({tool.name: tool for tool in box.tools})
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    file: str
    problems: Problems
    listed: Mapping[str, Mapping[str, ToolDefinition]]

    def cases(self, value: object, at: Place) -> Iterator[Case]:
        if not isinstance(value, list) or not value:
            self.problems.add(at, "write a list of cases here, each starting with `- name: …`")
            return
        for index, item in enumerate(cast("list[object]", value)):
            case = self._case(item, (*at, index))
            if case is not None:
                yield case

    def _case(self, value: object, at: Place) -> Case | None:
        shape = "a case (name, tool, arguments, expect)"
        given = self.problems.mapping(value, at, shape)
        if given is None:
            return None
        before = self.problems.count
        self.problems.known_keys(given, at, "key of a case", _CASE)
        name = self._text(given, "name", at) or "a case without a name"
        expected = self._expected(given.get("expect"), (*at, "expect"))
        action = self._action(given, at)
        if action is None or self.problems.count > before:
            return None
        line = self.problems.line(at)
        facts = self._facts(given, at, action)
        return Case(name=name, file=self.file, line=line, action=action, facts=facts, expected=expected)

    def _action(self, given: dict[str, object], at: Place) -> Action | None:
        arguments = given.get("arguments", {})
        if not isinstance(arguments, dict | str):
            self.problems.add((*at, "arguments"), "write a mapping, or JSON text as the model would write it")
            return None
        try:
            call: dict[str, Any] = {"tool": given.get("tool"), "arguments": arguments}
            return call_of(call, where="`tool`", functions=Functions())
        except UsageError as error:
            self.problems.add(
                (*at, "tool"), str(error).removesuffix(f"; or write {FORMS}").removeprefix("`tool`: ")
            )
            return None

    def _facts(self, given: dict[str, object], at: Place, action: Action) -> Facts:
        tools = self.listed.get(action.server_label)
        definition = (tools or {}).get(action.tool)
        if "annotations" in given:
            definition = ToolDefinition(name=action.tool, annotations=mapping(given["annotations"]))
        return Facts(
            principal=self._text(given, "principal", at) or "",
            groups=frozenset(self._texts(given, "groups", at)),
            user_texts=tuple(self._texts(given, "user", at)),
            known_tool=self._flag(given, "known_tool", at, default=tools is None or action.tool in tools),
            definition=definition,
            trust_annotations=self._flag(given, "trust_annotations", at, default=False),
        )

    def _expected(self, value: object, at: Place) -> Expected:
        if isinstance(value, str):
            return Expected(decision=self.problems.one_of(value, at, _EFFECTS))
        given = self.problems.mapping(value, at, "allow, ask, deny, or {decision, outcome, rules, reason}")
        if given is None:
            return Expected()
        self.problems.known_keys(given, at, "key of `expect`", _EXPECT)
        if not given:
            self.problems.add(at, "nothing is expected; write `expect: deny`")
        decision, outcome = (
            self.problems.one_of(given[key], (*at, key), allowed) if key in given else None
            for key, allowed in (("decision", _EFFECTS), ("outcome", _OUTCOMES))
        )
        rules = given.get("rules")
        return Expected(
            decision=decision,
            outcome=outcome,
            rules=None if rules is None else frozenset(self._texts(given, "rules", at)),
            reason=self._text(given, "reason", at),
        )

    def _text(self, given: dict[str, object], key: str, at: Place) -> str | None:
        value = given.get(key)
        if isinstance(value, str) or key not in given:
            return value if isinstance(value, str) else None
        self.problems.add((*at, key), f"write a text as `{key}`")
        return None

    def _texts(self, given: dict[str, object], key: str, at: Place) -> list[str]:
        """One text, or a list of them."""
        value = given.get(key, [])
        items = cast("list[object]", value) if isinstance(value, list) else [value]
        found = [item for item in items if isinstance(item, str)]
        if len(found) < len(items):
            self.problems.add((*at, key), f"write a text or a list of texts as `{key}`")
        return found

    def _flag(self, given: dict[str, object], key: str, at: Place, *, default: bool) -> bool:
        value = given.get(key, default)
        if not isinstance(value, bool):
            self.problems.add((*at, key), f"write true or false as `{key}`")
            return default
        return value


def _names(ids: frozenset[str]) -> str:
    return ", ".join(sorted(ids)) or "no rule"
