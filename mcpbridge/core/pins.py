"""Pinned tool definitions: what `tools.lock` holds, and what of a tool has changed since, for people.

    {"mcpbridge_pins": 1, "servers": {"LABEL": {"server": IDENTITY, "tools": {"NAME": {"hash": …,
      "description": [LINES], "input_schema": {…}, "output_schema": {…}, "annotations": {…}}}}}}

The same definitions always make the same text, one line per fact, so that a review shows what changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.question import visible
from mcpbridge.core.raw import mapping

VERSION: Final = 1
_MAX_LINE: Final = 300
_MAX_LINES: Final = 40
"""More of a difference is counted, never hidden silently."""

Tools = Mapping[str, ToolDefinition]


class LockRefused(Exception):
    """The text is no lock that can be relied on. `line` counts from 1; 0 is the whole file."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Server label → tool name → definition, as somebody reviewed it."""

    servers: Mapping[str, Tools] = field(default_factory=dict[str, Tools])

    def text(self) -> str:
        """The file. Invisible and direction characters are escaped: a reviewer sees all there is."""
        servers = {label: _server(tools) for label, tools in self.servers.items()}
        content = {"mcpbridge_pins": VERSION, "servers": servers}
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
        return "".join(_escaped(character) for character in text) + "\n"


def _escaped(character: str) -> str:
    seen = character == "\n" or visible(character) == character
    return character if seen else json.dumps(character)[1:-1]


def _server(tools: Tools) -> dict[str, Any]:
    identities = {tool.server_identity for tool in tools.values()}
    return {
        "server": next(iter(identities), ""),
        "tools": {name: _pin(tool) for name, tool in tools.items()},
    }


def _pin(tool: ToolDefinition) -> dict[str, Any]:
    found: dict[str, Any] = {
        "hash": tool.hash(),
        "description": tool.description.split("\n"),
        "input_schema": tool.input_schema,
    }
    if tool.output_schema is not None:
        found["output_schema"] = tool.output_schema
    if tool.annotations:
        found["annotations"] = tool.annotations
    return found


def read_lock(text: str) -> Lock:
    """The lock in `text`. Raises LockRefused; a content that does not fit its hash is refused too."""
    try:
        content = json.loads(text, object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError as error:
        raise LockRefused(f"this is no JSON ({error.msg})", error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise LockRefused(str(error) or "it is nested too deep") from None
    top = mapping(content)
    if top.get("mcpbridge_pins") != VERSION:
        raise LockRefused(f"this is no lock of format {VERSION}; write it with `mcpbridge pin`")
    if not isinstance(top.get("servers"), Mapping):
        raise LockRefused("this lock has no `servers`; write it with `mcpbridge pin`")
    servers = {label: _read_server(label, mapping(value)) for label, value in mapping(top["servers"]).items()}
    return Lock(servers=servers)


def _no_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _read_server(label: str, server: Mapping[str, Any]) -> Tools:
    identity = server.get("server")
    if not isinstance(identity, str) or not isinstance(server.get("tools"), Mapping):
        raise LockRefused(f"{label} has no `server` and `tools`; write the file with `mcpbridge pin`")
    return {
        name: _read_pin(f"{label}.{name}", name, identity, mapping(pin))
        for name, pin in mapping(server["tools"]).items()
    }


def _read_pin(full: str, name: str, identity: str, pin: Mapping[str, Any]) -> ToolDefinition:
    lines, output = pin.get("description"), pin.get("output_schema")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in cast("list[object]", lines)):
        raise LockRefused(f"{full} has no `description` as a list of lines; write it with `mcpbridge pin`")
    tool = ToolDefinition(
        name=name,
        description="\n".join(cast("list[str]", lines)),
        input_schema=mapping(pin.get("input_schema")),
        output_schema=None if output is None else mapping(output),
        annotations=mapping(pin.get("annotations")),
        server_identity=identity,
    )
    if tool.hash() != pin.get("hash"):
        raise LockRefused(
            f"{full} was edited by hand: its hash does not fit; take the reviewed file back, or "
            "remove it and run `mcpbridge pin`"
        )
    return tool


def as_listed(pinned: ToolDefinition, listed: ToolDefinition) -> ToolDefinition:
    """The pinned definition without what a provider's listing does not carry: the output schema, and the
    annotations where it lists none (what is not claimed cannot loosen anything)."""
    if not listed.annotations and pinned.annotations:
        pinned = replace(pinned, annotations=listed.annotations)
    if listed.output_schema is None and pinned.output_schema is not None:
        pinned = replace(pinned, output_schema=None)
    return pinned


def changes(pinned: ToolDefinition, now: ToolDefinition) -> tuple[str, ...]:
    """What differs, one line each: the field, then `- before` and `+ now`. Empty when nothing does."""
    lines = [line for name, before, after in _fields(pinned, now) for line in _field(name, before, after)]
    if len(lines) > _MAX_LINES:
        lines[_MAX_LINES:] = [f"… and {len(lines) - _MAX_LINES} more lines"]
    return tuple(_short(visible(line, newlines=False)) for line in lines)


def changed_fields(pinned: ToolDefinition, now: ToolDefinition) -> tuple[str, ...]:
    """The names of the fields that differ."""
    return tuple(name for name, before, after in _fields(pinned, now) if before != after)


def _fields(old: ToolDefinition, new: ToolDefinition) -> Iterator[tuple[str, list[str], list[str]]]:
    yield "server", [old.server_identity], [new.server_identity]
    yield "description", old.description.split("\n"), new.description.split("\n")
    for name in ("input_schema", "output_schema", "annotations"):
        yield name, list(_facts(getattr(old, name), "")), list(_facts(getattr(new, name), ""))


def _field(name: str, before: list[str], after: list[str]) -> Iterator[str]:
    if before == after:
        return
    from difflib import SequenceMatcher  # only a changed tool needs it

    yield name
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind != "equal":
            yield from (f"- {line}" for line in before[i:j])
            yield from (f"+ {line}" for line in after[k:m])


def _facts(value: object, at: str) -> Iterator[str]:
    """JSON as lines `path: value`, sorted: two schemas that mean the same text make the same lines."""
    if isinstance(value, Mapping) and value:
        pairs = cast("Mapping[str, object]", value)
        for key in sorted(pairs):
            yield from _facts(pairs[key], f"{at}.{key}" if at else key)
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):  # pyright: ignore[reportUnknownVariableType]
        for number, item in enumerate(cast("list[object]", value)):
            yield from _facts(item, f"{at}[{number}]")
    elif value is not None or at:
        text = json.dumps(value, ensure_ascii=False, default=dict)
        yield f"{at}: {text}" if at else text


def _short(line: str) -> str:
    more = len(line) - _MAX_LINE
    return line if more <= 0 else f"{line[:_MAX_LINE]}… ({more} more characters)"
