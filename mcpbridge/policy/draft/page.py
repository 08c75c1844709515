"""The draft as a commented YAML file. Text of servers reaches it only as quoted names."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.question import visible
from mcpbridge.policy.draft.bounds import REFUSED, Bound
from mcpbridge.policy.draft.judged import Judged, Toolbox, definitions_hash, judge_tool, sink_arguments
from mcpbridge.policy.draft.samples import examples
from mcpbridge.policy.glob import tool_name_problem

_WIDTH: Final = 100
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*\.[A-Za-z_][A-Za-z0-9_-]*")
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_HEADER: Final = """\
A first policy, drafted by `mcpbridge policy draft`. READ IT BEFORE YOU USE IT, and change what is wrong.

It was guessed from names, descriptions and schemas alone. All of these are claims by the servers: a tool
called `get_report` may delete something. Nothing was called. Annotations made rules stricter, never looser.

How it was drafted: clear reads run. What sends, makes, changes or pays runs only where the arguments that
matter stand in the user's own words (`grounded`) and where free text brings no link, address or account
number that the user did not write (`no_new_links`). The rest asks a person. A word that the user wrote in
another sense, or forbade, is grounded too: see docs/policy.md for the limits."""


def draft(toolboxes: Sequence[Toolbox]) -> str:
    """The text of a policy file. The same definitions give the same text, in whatever order they come."""
    ordered = sorted(toolboxes, key=lambda box: box.label)
    judged = [judge_tool(box.label, tool) for box in ordered for tool in sorted(box.tools, key=_by_name)]
    writable = [one for one in judged if _writable(one.name)]
    lines = [*_header(ordered), "version: 1", *_DEFAULTS, *_grants(writable), "", "rules:"]
    ids: set[str] = set()
    rules = [
        line for box in ordered for line in _section([one for one in writable if one.label == box.label], ids)
    ]
    lines += rules or ["  []"]
    lines += _unwritable([one for one in judged if not _writable(one.name)])
    return "\n".join(lines) + "\n"


_UNBOUND: Final = "what it is called with cannot be held against the user's words"
_DEFAULTS: Final = (
    "defaults:",
    "  decision: ask          # whatever no rule names",
    "  unknown_tool: deny     # a tool that its server did not list",
    "  ask_timeout: 15m       # then the answer is no",
    "  on_timeout: deny",
)


def _by_name(tool: ToolDefinition) -> str:
    return tool.name


def _writable(name: str) -> bool:
    """Whether `tools:` can name it exactly."""
    plain = name.isprintable() and not any(char.isspace() or char == "*" for char in name)
    return plain and name.isascii() and tool_name_problem(name) is None


def _header(toolboxes: Sequence[Toolbox]) -> Iterator[str]:
    for line in _HEADER.splitlines():
        yield f"# {line}".rstrip()
    yield "#"
    for box in toolboxes:
        yield f"# {box.label}: {len(box.tools)} tools, from {_quoted(box.source)}"
    yield f"# Definitions (SHA-256): {definitions_hash(toolboxes)}"


def _grants(judged: Sequence[Judged]) -> Iterator[str]:
    """What an answer for a whole conversation is bound to: the values that leave, or name who gets them."""
    names = sink_arguments(judged)
    if names:
        yield ""
        yield "grants:  # an answer for a whole conversation holds for these values only"
        listed = f"bind: [{', '.join(map(_key, names))}]"
        wrapped = textwrap.wrap(listed, _WIDTH, break_long_words=False)
        yield from (f"  {'  ' if number else ''}{line}" for number, line in enumerate(wrapped))
        yield "  max_ttl: 8h"
        yield "  max_uses: 20"


def _section(judged: Sequence[Judged], ids: set[str]) -> Iterator[str]:
    """The rules of one server: reads, then bound tools one by one, then what asks."""
    if not judged:
        return
    yield f"  # {'-' * 10} {judged[0].label} {'-' * 10}"
    free = [one for one in judged if not one.verdict.refusal and not one.verdict.bounds]
    if free:
        yield from _reads(free, judged, ids)
    for one in judged:
        if one.verdict.bounds and not one.verdict.refusal:
            yield from _bound_rule(one, ids)
    asked = [one for one in judged if one.verdict.refusal]
    for kind, reason in REFUSED.items():
        yield from _asking(
            kind.value, reason, [one for one in asked if one.verdict.refusal == reason], judged, ids
        )
    unbound = [one for one in asked if one.verdict.refusal not in REFUSED.values()]
    yield from _asking("unbound", _UNBOUND, unbound, judged, ids)


def _reads(free: Sequence[Judged], judged: Sequence[Judged], ids: set[str]) -> Iterator[str]:
    yield f"  - id: {_id(f'{free[0].label}-reads', ids)}"
    yield "    effect: allow"
    yield from _tools(free)
    yield from _tool_examples(free, judged)
    yield ""


def _tool_examples(meant: Sequence[Judged], judged: Sequence[Judged]) -> Iterator[str]:
    """For rules that look at nothing but the tool."""
    yield "    examples:"
    yield f"      match: [{{$tool: {_name(meant[0].name)}}}]"
    other = next((one for one in judged if one not in meant), None)
    if other is not None:
        yield f"      not_match: [{{$tool: {_name(other.name)}}}]"


def _bound_rule(one: Judged, ids: set[str]) -> Iterator[str]:
    yield f"  - id: {_id(one.name.replace('.', '-', 1), ids)}   # {one.kind.value}: {_comment(one.why)}"
    yield "    effect: allow"
    yield f"    tools: [{_name(one.name)}]"
    yield "    when:"
    for bound in one.verdict.bounds:
        yield f"      {_field(bound)}: {bound.matcher}   # {_comment(bound.why)}"
    for guess in one.verdict.left_out:
        name, why = _quoted(guess.parameter.name), _comment(guess.why)
        yield f"      # {name} is left out ({why}): a call with it asks"
    if one.verdict.others:
        yield "    other_arguments: any"
    yield "    examples:"
    match, not_match = examples(one.verdict.bounds)
    yield f"      match: [{', '.join(map(_flow, match))}]"
    if not_match:
        yield "      not_match:"
        yield from (f"        - {_flow(example)}" for example in not_match)
    yield ""


def _asking(
    word: str, reason: str, asked: Sequence[Judged], judged: Sequence[Judged], ids: set[str]
) -> Iterator[str]:
    if asked:
        yield f"  - id: {_id(f'{asked[0].label}-{word}', ids)}"
        yield "    effect: ask"
        yield from _tools(asked)
        yield f"    reason: {json.dumps(f'Drafted to ask: {reason}.')}"
        yield from _tool_examples(asked, judged)
        yield ""


def _tools(judged: Sequence[Judged]) -> Iterator[str]:
    yield "    tools:"
    width = max(len(_name(one.name)) for one in judged)
    for one in judged:
        unbound = one.verdict.refusal not in ("", *REFUSED.values())
        because = f"; {one.verdict.refusal}" if unbound else ""
        yield f"      - {_name(one.name):<{width}}   # {_comment(one.why + because)}"


def _unwritable(judged: Sequence[Judged]) -> Iterator[str]:
    for one in judged:
        yield f"# No rule can name {_quoted(one.name)} exactly, so that it asks."


def _id(wanted: str, ids: set[str]) -> str:
    base = _NOT_ID.sub("-", wanted).strip("-._") or "rule"
    found, number = base, 1
    while found in ids:
        number += 1
        found = f"{base}-{number}"
    ids.add(found)
    return found


def _field(bound: Bound) -> str:
    name = bound.parameter.name
    return _key(name if bound.parameter.required else f"{name}?")


def _key(name: str) -> str:
    """Quoted where YAML could read something else than the text."""
    plain = _KEY.fullmatch(name.removesuffix("?")) and name.lower() not in {"null", "true", "false"}
    return name if plain else json.dumps(name, ensure_ascii=False)


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _comment(text: str) -> str:
    """Names of parameters stand in our reasons: on one line, whatever they hold."""
    return visible(text, newlines=False)


def _quoted(text: str) -> str:
    """Text from outside in a comment: on one line, short, and in quotes."""
    shown = visible(text, newlines=False)
    return json.dumps(shown if len(shown) <= _WIDTH else shown[:_WIDTH] + "…", ensure_ascii=False)


def _flow(example: Mapping[str, Any]) -> str:
    pairs = (
        f"{_example_key(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in example.items()
    )
    return "{" + ", ".join(pairs) + "}"


def _example_key(key: str) -> str:
    return key if key == "$user" else _key(key)
