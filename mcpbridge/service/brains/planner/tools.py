"""The tools that the planner can choose from, and which of them a text means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.brains.planner.words import (
    Word,
    alike,
    content_stems,
    content_words,
    is_general,
    stem,
    words,
)
from mcpbridge.service.request.tool_choice import Chosen
from mcpbridge.service.wire import Item, is_list, is_object

THRESHOLD: Final = 2.0
"""Points a tool needs, of which verbs that fit many tools (list, get, create …) give one at most."""
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME: Final = 64
_NAMED: Final = 5.0
_IN_NAME: Final = 3.0
_ALIKE_IN_NAME: Final = 2.0
_IN_TEXT: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function of the request, a tool of a hosted server (`label`), or the built-in one that draws."""

    name: str
    label: str | None
    description: str
    schema: Item = field(repr=False)

    @property
    def key(self) -> str:
        return self.name if self.label is None else f"{self.label}.{self.name}"

    @property
    def chosen(self) -> Chosen:
        """How a tool_choice names it."""
        if self is DRAWING:
            return Chosen(kind=self.name)
        kind = "function" if self.label is None else "mcp"
        return Chosen(kind=kind, name=self.name, server_label=self.label)


DRAWING: Final = Tool(
    name="image_generation",
    label=None,
    description="Draw, paint, sketch or generate a picture, an image, an illustration.",
    schema={"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]},
)
"""The built-in tool that the service has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tool with its points, and what earned them."""

    tool: Tool
    score: float
    general: float = 0.0
    """The part of the score that such verbs earned."""
    because: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return self.score - self.general + min(self.general, 1.0) >= THRESHOLD

    def __str__(self) -> str:
        why = f" ({', '.join(self.because)})" if self.because else ""
        return f"{self.tool.key} {self.score:g}{why}"


def told_as_functions(scene: Scene) -> dict[str, str]:
    """Hosted tools by the function names that clients give their old calls, for servers that forget them.

    Such a call arrives as a function_call `label__tool` that no function of the request has.
    """
    hosted = [tool for tool in _tools(scene) if tool.label is not None]
    return {_NOT_IN_NAMES.sub("_", f"{tool.label}__{tool.name}")[:_LONGEST_NAME]: tool.key for tool in hosted}


def tools_of(scene: Scene) -> tuple[Tool, ...]:
    """What the request declares, lists and lets be called."""
    choice = scene.request.tool_choice
    return tuple(tool for tool in _tools(scene) if choice.allows(tool.chosen))


def ranked(text: str, tools: Sequence[Tool], given: Mapping[str, int]) -> list[Candidate]:
    """Best first; of equal ones the earlier.

    `given`: how many required arguments of a tool the text names, -1 when it lacks some and names none.
    """
    candidates = [_rate(text, tool, given.get(tool.key, 0)) for tool in tools]
    return sorted(candidates, key=lambda candidate: -candidate.score)


def is_verb_of(text: str, tools: Sequence[Tool]) -> bool:
    """Whether the text begins with what a tool's name begins with: it is a request of its own."""
    begins = content_stems(text)[:1]
    for tool in tools:
        verb = content_stems(tool.name)[:1]
        if verb and begins and (verb == begins or alike(verb[0], begins[0])):
            return True
    return False


def _tools(scene: Scene) -> Iterator[Tool]:
    declared: list[object] = scene.request.body.get("tools") or []
    for tool in declared:
        if not is_object(tool):
            continue
        if tool.get("type") == "function":
            yield _tool(tool, None, tool.get("parameters"))
        elif tool.get("type") == "mcp":
            label = str(tool.get("server_label"))
            for listed in scene.listed.get(label, ()):
                yield _tool(listed, label, listed.get("input_schema"))
        elif tool.get("type") == DRAWING.name:
            yield DRAWING


def _tool(item: Item, label: str | None, schema: object) -> Tool:
    return Tool(
        name=str(item.get("name") or ""),
        label=label,
        description=str(item.get("description") or ""),
        schema=schema if is_object(schema) else {},
    )


def _rate(text: str, tool: Tool, given: int) -> Candidate:
    named = content_words(tool.name)
    told = {*content_stems(tool.description), *_parameter_stems(tool.schema)}
    if tool.label is not None:
        told.add(stem(tool.label))
    score, general, because = 0.0, 0.0, list[str]()
    if _is_named(text, tool):
        score, because = _NAMED, [f"named: {_NAMED:g}"]
    for word in content_words(text):
        points, why = _points(word, named, told)
        score += points
        general += points if is_general(word.stem) else 0
        because += [f"{why}: {points:g}"] if points else []
    if score and given:
        because.append(f"required arguments: {given:+d}")
        score += given
    return Candidate(tool=tool, score=score, general=general, because=tuple(because))


def _points(word: Word, named: Sequence[Word], told: set[str]) -> tuple[float, str]:
    """What a word of the user earns in the name, exactly or alike, and in the description besides."""
    also = _IN_TEXT if word.stem in told else 0.0
    if any(word.stem == other.stem for other in named):
        return _IN_NAME + also, word.written
    twin = next((other for other in named if alike(word.stem, other.stem)), None)
    if twin is not None:
        return _ALIKE_IN_NAME + also, f"{word.written}≈{twin.written}"
    return also, word.written


def _is_named(text: str, tool: Tool) -> bool:
    """Whether the text holds the name as it is written, as a word of its own; one plain word is no name."""
    if len(list(words(tool.name))) < 2:
        return False
    before, found, after = text.lower().partition(tool.name.lower())
    edges = (before[-1:], after[:1])
    return bool(found) and not any(edge.isalnum() or edge == "_" for edge in edges)


def _parameter_stems(schema: Item) -> Iterator[str]:
    properties: object = schema.get("properties")
    for name, one in (properties if is_object(properties) else {}).items():
        yield from content_stems(name)
        values: object = one.get("enum") if is_object(one) else None
        for value in values if is_list(values) else []:
            yield from content_stems(str(value))
