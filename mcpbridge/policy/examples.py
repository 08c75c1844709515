"""`examples:` of a rule, checked every time the file is loaded.

An example is a call's arguments. `$tool` adds the tool's name; without it the tool is taken to be one
of the rule's. `$user` is what the user wrote, `$annotations` what a trusted server says about the tool.
`who:` is taken to be satisfied unless `$principal` or `$groups` says who it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, cast

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.raw import mapping as as_mapping
from mcpbridge.core.ruling import Effect
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.annotations import read_annotations
from mcpbridge.policy.decide import check, evaluate
from mcpbridge.policy.doubled import without_doubled
from mcpbridge.policy.glob import tool_name_problem
from mcpbridge.policy.model import Arguments, Facts, Rule
from mcpbridge.policy.problems import Problems, suggest

_LISTS: Final = ("match", "not_match")
_SHAPE: Final = "{match: [{amount: 5}], not_match: [{amount: 500}]}"
_RESERVED: Final = ("$tool", "$user", "$principal", "$groups", "$annotations")


def check_examples(value: object, at: Path, problems: Problems, rule: Rule) -> None:
    """Reports every example that the rule does not bear out."""
    mapping = problems.mapping(value, at, _SHAPE)
    if mapping is None:
        return
    problems.known_keys(mapping, at, "key of `examples`", _LISTS)
    if not mapping:
        problems.add(at, f"empty `examples` show nothing; write {_SHAPE}")
    for name in _LISTS:
        if name not in mapping:
            continue
        examples = mapping[name]
        if not isinstance(examples, list) or not examples:
            problems.add((*at, name), "write a list of example arguments here, such as [{amount: 5}]")
            continue
        for index, example in enumerate(cast("list[object]", examples)):
            _check(example, (*at, name, index), problems, rule, wanted=name == "match")


def _check(example: object, at: Path, problems: Problems, rule: Rule, *, wanted: bool) -> None:
    arguments = problems.mapping(example, at, "a call's arguments, such as {amount: 5}")
    if arguments is None:
        return
    before = problems.count
    example_of = _read_reserved(arguments, at, problems)
    if problems.count > before:
        return
    if not arguments.keys() & {"$principal", "$groups"}:
        rule = replace(rule, who=None)
    call = without_doubled({key: value for key, value in arguments.items() if not key.startswith("$")})
    covered = example_of.tool is None or rule.covers(example_of.tool)
    matches = covered and check(rule, call, example_of.facts) is not False
    if matches is not wanted:
        why = (_why_not if wanted else _why)(rule, call, example_of.facts)
        if not covered:
            why = f"`tools` does not name {example_of.tool}"
        problems.add(
            at,
            f"this example of `{rule.id}` should {'' if wanted else 'not '}match, "
            f"but {'does not match' if wanted else 'matches'}: {why}; change the rule or the example",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """What an example says besides the arguments."""

    tool: str | None
    facts: Facts


def _read_reserved(arguments: dict[str, object], at: Path, problems: Problems) -> _Setting:
    """Keys that begin with `$` are not arguments."""
    for key in arguments:
        if key.startswith("$") and key not in _RESERVED:
            problems.add((*at, key), f"`{key}` is reserved; {suggest(key, _RESERVED)}")
    tool = _text(arguments, "$tool", at, problems)
    problem = None if tool is None else tool_name_problem(tool)
    if problem is not None:
        problems.add((*at, "$tool"), problem)
    hints = arguments.get("$annotations", {})
    if "$annotations" in arguments:
        read_annotations(hints, (*at, "$annotations"), problems)
    definition = ToolDefinition(name=tool or "", annotations=as_mapping(hints))
    return _Setting(
        tool=tool,
        facts=Facts(
            principal=_text(arguments, "$principal", at, problems) or "",
            groups=frozenset(_texts(arguments, "$groups", at, problems)),
            user_texts=_texts(arguments, "$user", at, problems),
            definition=definition if "$annotations" in arguments else None,
            trust_annotations=True,
        ),
    )


def _text(arguments: dict[str, object], key: str, at: Path, problems: Problems) -> str | None:
    value = arguments.get(key)
    if key not in arguments or isinstance(value, str):
        return value if isinstance(value, str) else None
    problems.add((*at, key), f"write a text as `{key}`")
    return None


def _texts(arguments: dict[str, object], key: str, at: Path, problems: Problems) -> tuple[str, ...]:
    """One text, or a list of them."""
    if key not in arguments:
        return ()
    value = arguments[key]
    given = cast("list[object]", value) if isinstance(value, list) else [value]
    found = tuple(item for item in given if isinstance(item, str))
    if not found or len(found) < len(given):
        problems.add((*at, key), f"write a text or a list of texts as `{key}`")
    return found


def _why_not(rule: Rule, call: Arguments, facts: Facts) -> str:
    for text, truth in evaluate(rule, call, facts):
        if truth is False or (truth is None and rule.effect is Effect.ALLOW):
            return f"`{text}` {'is false' if truth is False else 'cannot be evaluated'}"
    return "it has arguments that `when` does not name (see `other_arguments: any`)"


def _why(rule: Rule, call: Arguments, facts: Facts) -> str:
    undecided = [text for text, truth in evaluate(rule, call, facts) if truth is None]
    if undecided:
        return f"`{undecided[0]}` cannot be evaluated, which counts as a match for {rule.effect.value}"
    return "everything it asks for holds"
