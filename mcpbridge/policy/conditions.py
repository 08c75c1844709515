"""`when:`, compiled: a field of the arguments, and the matchers on it.

A field is a dotted path (`address.city`); a trailing `?` makes it optional, which means that a call
without it passes. Without the `?`, a missing field is undecided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.combine import read_matchers
from mcpbridge.policy.model import MISSING, Arguments, Condition, Named
from mcpbridge.policy.problems import Problems

_SHAPE: Final = "a mapping of argument names to matchers, such as {amount: {le: 100}}"


def read_when(value: object, at: Path, problems: Problems) -> tuple[tuple[Condition, ...], Named]:
    """The conditions of `when:`, and the arguments it names."""
    mapping = problems.mapping(value, at, _SHAPE)
    if mapping is None:
        return (), {}
    if not mapping:
        problems.add(at, f"an empty `when` says nothing; remove it, or write {_SHAPE}")
    conditions: list[Condition] = []
    named: dict[str, Named | None] = {}
    seen: dict[str, str] = {}
    for key, matchers in mapping.items():
        path = _field_path(key, (*at, key), problems)
        dotted = ".".join(path)
        if dotted in seen:
            problems.add((*at, key), f"`{key}` and `{seen[dotted]}` are the same field; keep one")
        seen[dotted] = key
        _name(named, path)
        found = read_matchers(matchers, (*at, key), problems)
        conditions.append(Condition(path=tuple(path), optional=key.endswith("?"), matchers=found))
    return tuple(conditions), named


def _field_path(key: str, at: Path, problems: Problems) -> list[str]:
    path = key.removesuffix("?").split(".")
    if not all(path) or "?" in key.removesuffix("?"):
        problems.add(
            at, f"{key!r} is not a field; write `name`, `name?` (optional) or a path such as `address.city`"
        )
    return path


def _name(tree: dict[str, Named | None], path: list[str]) -> None:
    head, *rest = path
    if not rest:
        tree[head] = None
        return
    below = tree.setdefault(head, {})
    if below is not None:
        _name(cast("dict[str, Named | None]", below), rest)


def only_named(arguments: Arguments, named: Named) -> bool:
    """Whether the call holds nothing but what the rule names (POLICY, semantics 4)."""
    for key, value in arguments.items():
        below = named.get(key, MISSING)
        if below is MISSING:
            return False
        if below is not None and not (
            isinstance(value, Mapping) and only_named(cast("Arguments", value), cast("Named", below))
        ):
            return False
    return True
