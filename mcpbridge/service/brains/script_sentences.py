"""What is wrong with a script, in our words: pydantic's say nothing about what to write."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

STEPS: Final = (
    "reasoning", "mcp", "call", "say", "refuse", "draw", "item", "event", "response", "status", "delay",
    "repeat",
)  # fmt: skip
_WANTED: Final = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number, without quotes",
    "float_type": "a number, without quotes",
    "bool_type": "true or false, without quotes",
    "list_type": "a list; begin each entry with a dash: `- …`",
    "dict_type": "a mapping such as {key: value}",
    "model_type": "a mapping such as {key: value}",
    "model_attributes_type": "a mapping such as {key: value}",
}
_HINTS: Final = (
    (
        "mapping values are not allowed",
        "no `:` can stand here; check the indentation, or put the text in quotes",
    ),
    ("expected <block end>", "the indentation does not fit; keys of one mapping begin in the same column"),
    ("'\\t' that cannot start", "YAML takes no tab here; indent with spaces"),
    ("alias", "an unquoted `*` names an anchor in YAML; put the text in quotes"),
    ("expected ',' or", "a comma, a quotation mark or a closing bracket is missing"),
    ("expected the node content", "a value or a closing bracket is missing"),
    ("unexpected end of stream", "a quotation mark is not closed"),
)


def told_twice(error: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """Whether another error says the same: `servr` is unknown, so `server` is missing; and arguments that are
    neither of two types are one mistake."""
    place, name = error["loc"][:-1], str(error["loc"][-1])
    if error["type"] == "missing":
        beside = [one for one in others if one["type"] == "extra_forbidden" and one["loc"][:-1] == place]
        return any(difflib.get_close_matches(str(one["loc"][-1]), [name], n=1) for one in beside)
    return place[-1:] == ("arguments",) and name == "str"


def shown(location: Sequence[int | str]) -> str:
    """The place without pydantic's tags: a step's kind stands there twice, a type in brackets."""
    parts: list[str] = []
    for part in map(str, location):
        if part.isascii() and part.replace("_", "").isalnum() and parts[-1:] != [part]:
            parts.append(part)
    return ".".join(parts)


def sentence(error: ErrorDetails, known: Sequence[str]) -> str:
    """`known` are the keys that may stand where the error is."""
    kind = error["type"]
    if error["loc"][-2:-1] == ("arguments",):
        return "write a mapping such as {title: x}, or text in quotes"
    if kind == "missing":
        return "this key is missing; write it"
    if kind == "extra_forbidden":
        return _unknown(str(error["loc"][-1]), known)
    if kind in _WANTED:
        return f"write {_WANTED[kind]}"
    context = error.get("ctx", {})
    if kind == "literal_error":
        return f"write one of: {context.get('expected', '')}".replace("'", "").replace(" or ", ", ")
    if kind in ("greater_than_equal", "less_than_equal"):
        return (
            f"write a number from {context['ge']:g} up"
            if "ge" in context
            else f"write at most {context['le']}"
        )
    if kind == "value_error":  # ours
        return str(context["error"])
    return error["msg"]


def _unknown(key: str, known: Sequence[str]) -> str:
    own = next((name for name in known if name in STEPS), None)
    if key in STEPS and own is not None:
        return (
            f"one step does one thing, and `{own}` stands here too; write `- {key}: …` as a step of its own"
        )
    close = difflib.get_close_matches(key, known, n=1)
    guess = f"did you mean {close[0]!r}? It is one of: " if close else "it is one of: "
    return f"this key is not known; {guess}{', '.join(known)}"


def not_yaml(error: yaml.YAMLError) -> str:
    """The line, and what to write there."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return "1: not YAML: a control character stands in it"
    mark = error.problem_mark or error.context_mark
    said = f"{error.context or ''} {error.problem or ''}"
    hint = next((hint for part, hint in _HINTS if part in said), said.strip())
    return f"{mark.line + 1 if mark else 1}: not YAML: {hint}"
