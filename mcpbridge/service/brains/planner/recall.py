"""Answering from what is in sight: lines of the conversation that share words with a question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mcpbridge.service.brains.planner.words import alike, content_stems
from mcpbridge.service.items.sight import Kind, Seen

DISCLOSURE: Final = "(I am mcpbridge's planner: rules that match words, no language model.)"
TOOLS_SEEN: Final = "Tools I can see: "
_PAST: Final = re.compile(
    r"^\W*(?:what|which|who|why|how|when|where)\b[^.?!\n]{0,60}\b(?:was|were|did|had)\b|^\W*did\b|\bremember\b",
    re.IGNORECASE,
)
_LINES: Final = 3
_LONGEST: Final = 300
_LOOKED_AT: Final = 2000
_ALIKE: Final = 0.75
_SAID_BY: Final = {
    Kind.MCP_RESULT: "`{name}` returned",
    Kind.FUNCTION_OUTPUT: "`{name}` returned",
    Kind.MCP_ERROR: "`{name}` failed with",
    Kind.USER: "you wrote",
    Kind.DENIED: "the denial of `{name}` said",
    Kind.INSTRUCTIONS: "the instructions say",
    Kind.REASONING: "my earlier reasoning said",
    Kind.FUNCTION_CALL: "`{name}` was called with",
    Kind.APPROVED: "`{name}` was approved with",
    Kind.ASSISTANT: "I wrote",
}
"""In this order, when lines share equally many words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the conversation and who said it."""

    source: str
    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= _LONGEST else f"{self.text[:_LONGEST]}…"
        return f"- {self.source}: “{shown}”"


def asks_back(text: str) -> bool:
    """Whether a text asks about what was: that is looked up in the conversation before any tool is used."""
    return _PAST.search(text) is not None


def recall(question: str, seen: Sequence[Seen], documents: Sequence[tuple[str, str]]) -> list[Line]:
    """The lines that share most words with the question, best first; none when none shares any."""
    wanted = content_stems(question)
    rated = [
        (_shared(wanted, content_stems(line.text)), -rank, at, line)
        for at, (rank, line) in enumerate(_lines(question, seen, documents))
    ]
    best = sorted((one for one in rated if one[0]), key=lambda one: one[:3], reverse=True)
    kept: list[Line] = []
    for score, _, _, line in best:
        known = any(line.text in other.text or other.text in line.text for other in kept)
        if score >= best[0][0] - 1 and not known and len(kept) < _LINES:
            kept.append(line)
    return kept


def _shared(wanted: Sequence[str], there: Sequence[str]) -> float:
    """How many words are shared; one that only means the same counts less."""
    same = sum(word in there for word in wanted)
    return same + _ALIKE * sum(
        any(alike(word, other) for other in there) for word in wanted if word not in there
    )


def _lines(
    question: str, seen: Sequence[Seen], documents: Sequence[tuple[str, str]]
) -> Iterator[tuple[int, Line]]:
    asked = {line.strip() for line in question.splitlines()}
    ranks = list(_SAID_BY)
    for one in seen:
        if one.kind not in _SAID_BY:
            continue
        source = _SAID_BY[one.kind].format(name=one.name)
        for text in _told(one.text):
            if not (one.kind is Kind.USER and text in asked):
                yield ranks.index(one.kind), Line(source=source, text=text)
    for name, content in documents:
        for text in _told(content):
            yield 0, Line(source=f"the file {name} says", text=text)


def _told(text: str) -> Iterator[str]:
    """Lines that say something of their own, not what the planner always says."""
    for line in text.splitlines():
        bare = line[:_LOOKED_AT].strip().removeprefix("> ")
        if bare and bare != DISCLOSURE and not bare.startswith((TOOLS_SEEN, "- ")):
            yield bare
