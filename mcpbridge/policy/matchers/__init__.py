"""The matchers on one value: a closed set, each with typed operands, each three-valued.

A value of another type than the matcher speaks about is undecided, never false: `ne: EUR` does not
hold for 7, and `gt: 5` does not fail for "50". A number that a double does not hold is judged in both
readings, and undecided where they differ.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final, cast

from mcpbridge.policy.matchers.numbers import ordering
from mcpbridge.policy.matchers.scalars import of_type, one_of
from mcpbridge.policy.matchers.sizes import sized
from mcpbridge.policy.matchers.texts import holds_part, textual
from mcpbridge.policy.matchers.values import ANY_KIND, TYPES, BadOperand
from mcpbridge.policy.model import Matcher

Build = Callable[[object], Matcher]


def _from(module: str, name: str) -> Build:
    """A matcher whose module (parsers, expressions) is loaded when a policy uses it."""

    def build(operand: object) -> Matcher:
        found = getattr(import_module(f"mcpbridge.policy.matchers.{module}"), name)
        return cast("Build", found)(operand)

    return build


MATCHERS: Final[Mapping[str, Build]] = {
    "eq": one_of("eq", "=", many=False, wanted=True),
    "ne": one_of("ne", "!=", many=False, wanted=False),
    "in": one_of("in", "in", many=True, wanted=True),
    "not_in": one_of("not_in", "not in", many=True, wanted=False),
    "gt": ordering("gt", ">", operator.gt),
    "ge": ordering("ge", ">=", operator.ge),
    "lt": ordering("lt", "<", operator.lt),
    "le": ordering("le", "<=", operator.le),
    "type": of_type,
    "min_len": sized("min_len", "is at least as long as", operator.ge, "string"),
    "max_len": sized("max_len", "is at most as long as", operator.le, "string"),
    "min_items": sized("min_items", "has at least this many items:", operator.ge, "array"),
    "max_items": sized("max_items", "has at most this many items:", operator.le, "array"),
    "starts_with": textual("starts_with", "starts with", str.startswith),
    "ends_with": textual("ends_with", "ends with", str.endswith),
    "contains": textual("contains", "contains", holds_part),
    "matches": _from("patterns", "matches"),
    "under": _from("paths", "under"),
    "https_host": _from("urls", "https_host"),
    "host": _from("urls", "host"),
    "scheme": _from("urls", "scheme"),
    "email_domain": _from("emails", "email_domain"),
    "sql": _from("sql", "sql"),
    "grounded": _from("grounded", "grounded"),
    "no_new_links": _from("links", "no_new_links"),
}
"""The matchers on a value itself; `combine` adds those that hold other matchers."""

__all__ = ["ANY_KIND", "MATCHERS", "TYPES", "BadOperand"]
