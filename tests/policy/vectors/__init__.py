"""Vectors of the matchers, as data: a name, a value, and what a policy must make of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
FILES: Final = ("numbers", "patterns", "paths", "urls", "emails", "sql", "grounded", "links")
TRUTHS: Final = {"holds": True, "fails": False, "undecided": None}
ALWAYS_UNDECIDED: Final[dict[str, Any]] = {"null": {"x": None}, "missing": {}}
"""What no matcher of these files decides about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    name: str
    matchers: dict[str, Any]
    arguments: str
    """JSON text, as on the wire."""
    truth: bool | None
    user_texts: tuple[str, ...]


def load(*files: str) -> list[Vector]:
    return [vector for file in files for group in read(file) for vector in _of(file, group)]


def read(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((HERE / f"{file}.yaml").read_text(encoding="utf-8"))
    return found


def _of(file: str, group: dict[str, Any]) -> list[Vector]:
    user: Any = group.get("user", [])
    texts = (user,) if isinstance(user, str) else tuple(user)
    cases = [
        (name, arguments(value, wire=group.get("wire", False)), truth)
        for column, truth in TRUTHS.items()
        for name, value in group.get(column, {}).items()
    ]
    cases += [(name, json.dumps(value), None) for name, value in ALWAYS_UNDECIDED.items()]
    return [
        Vector(
            name=f"{file}: {group['name']}: {name}",
            matchers=group["matchers"],
            arguments=text,
            truth=truth,
            user_texts=texts,
        )
        for name, text, truth in cases
    ]


def arguments(value: Any, *, wire: bool) -> str:
    """With `wire`, the value is JSON text already: YAML cannot say 1e400."""
    return f'{{"x": {value}}}' if wire else json.dumps({"x": value})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVector:
    name: str
    rule: dict[str, Any]
    arguments: str
    effect: str
    user_texts: tuple[str, ...]
    annotations: dict[str, Any] | None
    """None where nobody has seen the tool."""
    trusted: bool


def load_rules() -> list[RuleVector]:
    return [
        RuleVector(
            name=f"{group['name']}: {effect}: {name}",
            rule={"id": "r", "tools": ["a.b"], **group["rule"]},
            arguments=text,
            effect=effect,
            user_texts=(group["user"],) if "user" in group else (),
            annotations=group.get("annotations"),
            trusted=group.get("trusted", True),
        )
        for group in read("rules")
        for effect in ("allow", "ask", "deny")
        for name, text in group.get(effect, {}).items()
    ]
