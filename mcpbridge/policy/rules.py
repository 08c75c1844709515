"""`rules:`, read and checked."""

from __future__ import annotations

import re
from typing import Final, cast

from mcpbridge.core.ruling import Effect
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.annotations import read_annotations
from mcpbridge.policy.conditions import read_when
from mcpbridge.policy.examples import check_examples
from mcpbridge.policy.glob import Glob, tool_pattern_problem
from mcpbridge.policy.model import Condition, Matcher, Named, Rule, Who
from mcpbridge.policy.problems import Problems, meant

KEYS: Final = (
    *("id", "effect", "tools", "who", "when", "args_schema", "annotations", "other_arguments", "reason"),
    "examples",
)
_LATER: Final = frozenset({"mode", "limits", "grants", "approvers", "pins"})
_EFFECTS: Final = tuple(effect.value for effect in Effect)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_rules(value: object, at: Path, problems: Problems, policy: str) -> tuple[Rule, ...]:
    """Every rule that could be read. Reports what is wrong with the others."""
    if not isinstance(value, list):
        problems.add(at, "write a list of rules here, each starting with `- id: …`")
        return ()
    rules: list[Rule] = []
    first_lines: dict[str, int] = {}
    for index, item in enumerate(cast("list[object]", value)):
        place = (*at, index)
        rule = _read_rule(item, place, problems, policy)
        if rule is None:
            continue
        if rule.id in first_lines:
            first = first_lines[rule.id]
            problems.add(
                (*place, "id"), f"the id `{rule.id}` is taken by the rule in line {first}; choose another"
            )
        first_lines.setdefault(rule.id, rule.line)
        rules.append(rule)
    return tuple(rules)


def _read_rule(value: object, at: Path, problems: Problems, policy: str) -> Rule | None:
    mapping = problems.mapping(value, at, "a rule (id, effect, tools, …)")
    if mapping is None:
        return None
    before = problems.count
    problems.known_keys(mapping, at, "key of a rule", KEYS, _LATER)
    rule_id = _read_id(mapping, (*at, "id"), problems)
    effect = _read_effect(mapping, at, problems)
    tools = _read_tools(mapping, at, problems)
    who = _read_who(mapping["who"], (*at, "who"), problems) if "who" in mapping else None
    when, schema, named = _read_condition(mapping, at, problems, effect)
    annotations = (
        read_annotations(mapping["annotations"], (*at, "annotations"), problems)
        if "annotations" in mapping
        else ()
    )
    reason = _read_reason(mapping, at, problems)
    if effect is None or rule_id is None:
        return None
    rule = Rule(
        id=rule_id, effect=Effect(effect), tools=tools, who=who, when=when, args_schema=schema,
        annotations=annotations, named=named, reason=reason, line=problems.line(at), policy=policy,
    )  # fmt: skip
    if "examples" in mapping and problems.count == before:
        check_examples(mapping["examples"], (*at, "examples"), problems, rule)
    return rule


def _misspelt(mapping: dict[str, object], key: str) -> bool:
    """Whether a key is missing and an unknown one looks like it: that was told already."""
    return key not in mapping and any(meant(word, KEYS) == key for word in mapping if word not in KEYS)


def _read_id(mapping: dict[str, object], at: Path, problems: Problems) -> str | None:
    value = mapping.get("id")
    if _misspelt(mapping, "id"):
        return None
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    problems.add(at, "write an `id` of letters, digits, `-`, `_` and `.`, such as `small-payment`")
    return None


def _read_effect(mapping: dict[str, object], at: Path, problems: Problems) -> str | None:
    if "effect" in mapping:
        return problems.one_of(mapping["effect"], (*at, "effect"), _EFFECTS)
    if not _misspelt(mapping, "effect"):
        problems.add(at, "this rule has no `effect`; write `effect: allow`, `effect: ask` or `effect: deny`")
    return None


def _read_tools(mapping: dict[str, object], at: Path, problems: Problems) -> tuple[Glob, ...]:
    if "tools" not in mapping:
        if not _misspelt(mapping, "tools"):
            problems.add(at, "this rule has no `tools`; write `tools: [github.create_issue]`")
        return ()
    tools: list[Glob] = []
    for place, pattern in problems.texts(mapping["tools"], (*at, "tools"), "github.create_issue"):
        problem = tool_pattern_problem(pattern)
        if problem is not None:
            problems.add(place, problem)
        tools.append(Glob(pattern))
    return tuple(tools)


def _read_who(value: object, at: Path, problems: Problems) -> Who:
    """A plain list names principals."""
    if isinstance(value, list):
        return Who(principals=_read_names(cast("object", value), at, problems))
    mapping = problems.mapping(value, at, "a list of principals, or {principals: […], groups: […]}")
    if mapping is None:
        return Who()
    if not mapping:
        problems.add(at, "an empty `who` names nobody; remove it, or write {principals: […], groups: […]}")
    problems.known_keys(mapping, at, "key of `who`", ("principals", "groups"))
    principals, groups = (
        _read_names(mapping[key], (*at, key), problems) if key in mapping else ()
        for key in ("principals", "groups")
    )
    return Who(principals=principals, groups=groups)


def _read_names(value: object, at: Path, problems: Problems) -> tuple[Glob, ...]:
    return tuple(Glob(name) for _, name in problems.texts(value, at, "ci-bot"))


def _read_condition(
    mapping: dict[str, object], at: Path, problems: Problems, effect: str | None
) -> tuple[tuple[Condition, ...], Matcher | None, Named | None]:
    """`when` and `args_schema`, and the arguments that an allow rule names with them."""
    when: tuple[Condition, ...] = ()
    named: dict[str, Named | None] | None = None
    schema: Matcher | None = None
    closed = effect == Effect.ALLOW and "other_arguments" not in mapping
    if "when" in mapping:
        when, found = read_when(mapping["when"], (*at, "when"), problems)
        named = dict(found) if closed else None
    if "args_schema" in mapping:
        from mcpbridge.policy.matchers.schema import named_by, read_args_schema  # few policies have one

        place = (*at, "args_schema")
        schema = read_args_schema(
            mapping["args_schema"], place, problems, besides=(named or ()) if closed else None
        )
        if named is not None and schema is not None:
            named |= dict.fromkeys(named_by(schema))
    if "other_arguments" in mapping:
        _check_other_arguments(mapping, (*at, "other_arguments"), problems, effect)
    return when, schema, named


def _check_other_arguments(
    mapping: dict[str, object], at: Path, problems: Problems, effect: str | None
) -> None:
    problems.one_of(mapping["other_arguments"], at, ("any",))
    if effect != Effect.ALLOW or not ("when" in mapping or "args_schema" in mapping):
        problems.add(
            at,
            "`other_arguments` changes nothing here: "
            "only an allow rule with `when` or `args_schema` refuses others",
        )


def _read_reason(mapping: dict[str, object], at: Path, problems: Problems) -> str:
    reason = mapping.get("reason", "")
    if isinstance(reason, str) and ("reason" not in mapping or reason.strip()):
        return reason.strip()
    problems.add((*at, "reason"), "write a sentence for the model here, in quotes")
    return ""
