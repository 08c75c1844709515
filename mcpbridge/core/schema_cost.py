"""How much work it is to hold a value against a JSON Schema from a stranger.

A few hundred bytes can ask for more steps than there are seconds: `allOf` of a reference to the next of forty
definitions, twice. A validator takes them one by one, and nothing else runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, cast
from urllib.parse import unquote, urldefrag, urljoin

MAX_STEPS: Final = 10_000_000
"""For one value: some 0.2 s (measured, jsonschema-rs)."""
_MAX_NODES: Final = 20_000
"""Of a schema with references."""
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_SAME_VALUE: Final = (
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
)
_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies"})
_ONE_OF_THEM: Final = ("properties", "prefixItems")
"""At most one entry of these applies to each part of a value; of the next ones, all may."""
_PARTS: Final = (
    "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames", "items",
    "additionalItems", "unevaluatedItems", "contains",
)  # fmt: skip
_AGAIN: Final = ("unevaluatedProperties", "unevaluatedItems")
"""To know what was evaluated, validators look at the other keywords once more."""


class _TooMuch(Exception):
    pass


class SchemaCost:
    """For one schema; it is not changed afterwards."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._root = schema
        self._known: dict[tuple[int, int], int] = {}

    def too_much(self, levels: int, parts: int = 1) -> bool:
        """Whether a value of so many levels and parts takes more than MAX_STEPS."""
        if not self._nests:
            return False
        try:
            return self._steps(self._root, levels, frozenset()) * parts > MAX_STEPS
        except (_TooMuch, RecursionError):
            return True

    @cached_property
    def _nests(self) -> bool:
        """Without these keywords, a schema costs no more than it is long."""
        return any(key in node for node in _nodes(self._root) for key in (*_REFERENCES, *_AGAIN))

    @cached_property
    def _places(self) -> tuple[dict[str, list[object]], dict[int, str]]:
        """What a reference may mean: by absolute address, with its anchor. And the base of each node."""
        places: dict[str, list[object]] = {"": [self._root]}
        bases: dict[int, str] = {}
        todo: list[tuple[object, str]] = [(self._root, "")]
        while todo:
            node, base = todo.pop()
            if isinstance(node, Mapping):
                named = cast("Mapping[str, Any]", node)
                node = named
                if isinstance(named.get("$id"), str):
                    base, anchor = urldefrag(urljoin(base, named["$id"]))
                    places.setdefault(base, []).append(named)
                    places.setdefault(f"{base}#{anchor}", []).append(named)
                bases[id(named)] = base
                for key in ("$anchor", "$dynamicAnchor"):
                    places.setdefault(f"{base}#{named.get(key)}", []).append(named)
                if len(bases) > _MAX_NODES:
                    raise _TooMuch
            todo += [(inner, base) for inner in _inside(node)]
        return places, bases

    def _steps(self, schema: object, levels: int, within: frozenset[int]) -> int:
        """Steps for a value, and for the costliest way down into it. `within`: schemas of this same value."""
        if not isinstance(schema, Mapping):
            return 1
        node = cast("Mapping[str, Any]", schema)
        key = (id(node), levels)
        if id(node) in within:
            raise _TooMuch  # it never ends
        if key not in self._known:
            inner = within | {id(node)}
            here = sum(self._steps(one, levels, inner) for one in self._same_value(node))
            again = 1 + sum(name in node for name in _AGAIN)
            found = 1 + here * again + self._below(node, levels)
            if found > MAX_STEPS:
                raise _TooMuch
            self._known[key] = found
        return self._known[key]

    def _same_value(self, node: Mapping[str, Any]) -> Iterator[object]:
        for name in _REFERENCES:
            if isinstance(node.get(name), str):
                yield from self._meant(node[name], self._places[1][id(node)])
        for name in _SAME_VALUE:
            yield from _entries(node, name)

    def _below(self, node: Mapping[str, Any], levels: int) -> int:
        if not levels:
            return 0
        most = sum(
            max((self._steps(one, levels - 1, frozenset()) for one in _entries(node, name)), default=0)
            for name in _ONE_OF_THEM
        )
        return most + sum(
            self._steps(one, levels - 1, frozenset()) for name in _PARTS for one in _entries(node, name)
        )

    def _meant(self, reference: str, base: str) -> list[object]:
        places, _ = self._places
        whole, fragment = urldefrag(urljoin(base, reference) if base else reference)
        if fragment and not fragment.startswith("/"):
            found = [
                node for name, nodes in places.items() if name.endswith(f"#{fragment}") for node in nodes
            ]
        else:
            found = [_pointed(node, fragment) for node in places.get(whole, [])]
        if not found and not whole.startswith(("http://json-schema.org/", "https://json-schema.org/")):
            raise _TooMuch  # where it leads cannot be seen
        return found


def _entries(node: Mapping[str, Any], name: str) -> Iterator[object]:
    """The schemas under a keyword: one, a list of them, or by name."""
    value = node.get(name)
    if isinstance(value, Mapping):
        found = cast("Mapping[str, object]", value)
        yield from found.values() if name in _BY_NAME else (found,)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from cast("Sequence[object]", value)


def _pointed(node: object, pointer: str) -> object:
    """RFC 6901; what is not there is met by the validator."""
    for word in pointer.split("/")[1:]:
        name = unquote(word).replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping):
            node = cast("Mapping[str, object]", node).get(name)
        elif isinstance(node, Sequence) and not isinstance(node, str) and name.isdecimal():
            listed = cast("Sequence[object]", node)
            node = listed[int(name)] if int(name) < len(listed) else None
        else:
            return None
    return node


def _inside(node: object) -> Iterator[object]:
    if isinstance(node, Mapping):
        yield from cast("Mapping[str, object]", node).values()
    elif isinstance(node, Sequence) and not isinstance(node, str):
        yield from cast("Sequence[object]", node)


def _nodes(root: object) -> Iterator[Mapping[str, Any]]:
    todo: list[object] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, Mapping):
            named = cast("Mapping[str, Any]", node)
            node = named
            yield named
        todo.extend(_inside(node))


def extent(value: object) -> tuple[int, int]:
    """Levels and parts of a JSON value."""
    level, levels, parts = [value], 0, 1
    while level := [inner for outer in level for inner in _inside(outer)]:
        levels, parts = levels + 1, parts + len(level)
    return levels, parts
