"""`examples:` of a rule, checked every time the file is loaded.

An example is a call's arguments. `$tool` adds the tool's name; without it the tool is taken to be one
of the rule's. `who:` is taken to be satisfied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast

from mcpbridge.core.ruling import Effect
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.decide import check, evaluate
from mcpbridge.policy.glob import tool_name_problem
from mcpbridge.policy.model import Arguments, Facts, Rule
from mcpbridge.policy.problems import Problems

_LISTS: Final = ("match", "not_match")
_TOOL: Final = "$tool"
_SHAPE: Final = "{match: [{amount: 5}], not_match: [{amount: 500}]}"
_NOBODY: Final = Facts(principal="")


def check_examples(value: object, at: Path, problems: Problems, rule: Rule) -> None:
    """Reports every example that the rule does not bear out."""
    mapping = problems.mapping(value, at, _SHAPE)
    if mapping is None:
        return
    problems.known_keys(mapping, at, "key of `examples`", _LISTS)
    if not mapping:
        problems.add(at, f"empty `examples` show nothing; write {_SHAPE}")
    rule = replace(rule, who=None)
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
    tool = _read_reserved(arguments, at, problems)
    if problems.count > before:
        return
    call = {key: value for key, value in arguments.items() if key != _TOOL}
    covered = tool is None or rule.covers(tool)
    matches = covered and check(rule, call, _NOBODY) is not False
    if matches is not wanted:
        problem = f"does not match: {_why_not(rule, call)}" if wanted else f"matches: {_why(rule, call)}"
        if not covered:
            problem = f"does not match: `tools` does not name {tool}"
        should = "should match" if wanted else "should not match"
        problems.add(
            at, f"this example of `{rule.id}` {should}, but {problem}; change the rule or the example"
        )


def _read_reserved(arguments: dict[str, object], at: Path, problems: Problems) -> str | None:
    """Keys that begin with `$` are not arguments."""
    for key in arguments:
        if key == "$user":
            problems.add((*at, key), "`$user` is not available in this version; remove it")
        elif key.startswith("$") and key != _TOOL:
            problems.add((*at, key), f"`{key}` is reserved; the one key with `$` is `$tool`")
    if _TOOL not in arguments:
        return None
    tool = arguments[_TOOL]
    problem = tool_name_problem(tool if isinstance(tool, str) else str(tool))
    if problem is not None:
        problems.add((*at, _TOOL), problem)
    return str(tool)


def _why_not(rule: Rule, call: Arguments) -> str:
    for text, truth in evaluate(rule, call, _NOBODY):
        if truth is False or (truth is None and rule.effect is Effect.ALLOW):
            return f"`{text}` {'is false' if truth is False else 'cannot be evaluated'}"
    return "it has arguments that `when` does not name (see `other_arguments: any`)"


def _why(rule: Rule, call: Arguments) -> str:
    undecided = [text for text, truth in evaluate(rule, call, _NOBODY) if truth is None]
    if undecided:
        return f"`{undecided[0]}` cannot be evaluated, which counts as a match for {rule.effect.value}"
    return "everything it asks for holds"
