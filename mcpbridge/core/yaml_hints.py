"""What the YAML parser says → what to write instead. Of the text itself only marks are repeated."""

from __future__ import annotations

import re
from typing import Final

import yaml

_ALIAS: Final = re.compile(r"\*[A-Za-z0-9_.*-]*")
_COLUMN: Final = "keys of one mapping, and the dashes of one list, begin in the same column"
_SENTENCES: Final = (
    (
        "mapping values are not allowed",
        f"no `:` can stand here; check the indentation ({_COLUMN}), write a space after each colon, and put "
        "a text that holds a `: ` in quotes",
    ),
    ("expected <block end>", f"the indentation does not fit; {_COLUMN}"),
    ("expected the node content", "a value, or the end of a { or [, is missing here"),
    ("sequence entries are not allowed", "no `- ` can stand here; begin the list on the next line"),
    (
        "found unknown escape character",
        "in double quotes a backslash begins an escape; double it, or use single quotes",
    ),
    ("found another document", "`---` begins a second document; write one"),
    ("unexpected end of stream", "this quotation mark is not closed; write one at the end of the text"),
)


def explained(error: yaml.MarkedYAMLError, text: str) -> tuple[str, int]:
    """A sentence, and the line it is about, counted from 1."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    problem = error.problem or str(error)
    begun = error.context_mark.line + 1 if error.context_mark else line
    if "alias" in problem or "an alias" in (error.context or ""):
        return _about_star(error, text), begun
    if "cannot start any token" in problem:
        return _about_beginning(problem), line
    if "expected ',' or" in problem:
        return _about_braces(problem, _before(mark, text), begun, line)
    if "unexpected end of stream" in problem:
        line = begun
    return next((said for part, said in _SENTENCES if part in problem), f"not YAML: {problem}"), line


def _about_star(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.context_mark or error.problem_mark
    found = _ALIAS.match(_row(mark, text), mark.column) if mark else None
    word = found[0] if found else "*"
    return f'an unquoted `*` names an anchor in YAML; put the text in quotes: "{word}"'


def _about_beginning(problem: str) -> str:
    if "\\t" in problem:
        return "YAML takes no tab here; indent with spaces"
    mark = problem.partition("'")[2][:1]
    return f"no unquoted text begins with {mark}; put it in quotes"


def _about_braces(problem: str, before: str, begun: int, line: int) -> tuple[str, int]:
    pair = "{ and }" if "'}'" in problem else "[ and ]"
    if "<stream end>" in problem:
        return f"this {pair[0]} is not closed; write {pair[-1]}", begun
    if "got '{'" in problem and before == "$":
        return f'between {pair} a value with ${{…}} needs quotes; write "${{env:NAME}}" with them', line
    if "got '?'" in problem:
        return (
            f'between {pair} a key that ends in ? needs quotes; write {{"name?": …}}, or one key a line',
            line,
        )
    return (
        f"between {pair} a comma, a quotation mark or the {pair[-1]} is missing (begun in line {begun})",
        line,
    )


def _before(mark: yaml.Mark | None, text: str) -> str:
    return _row(mark, text)[mark.column - 1 : mark.column] if mark and mark.column else ""


def _row(mark: yaml.Mark, text: str) -> str:
    """Of a text with other line breaks than ours, nothing."""
    rows = text.split("\n")
    return rows[mark.line] if mark.line < len(rows) else ""
