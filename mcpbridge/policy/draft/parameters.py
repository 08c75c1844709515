"""The parameters of a tool, as its JSON Schema tells them: only what the guesses need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from mcpbridge.core.raw import mapping

Shape = Literal["string", "number", "boolean", "strings", "numbers", "opaque"]
"""`strings` and `numbers` are lists of those; `opaque` is everything else."""

_NUMBERS: Final = frozenset({"number", "integer"})
_MAX_HOPS: Final = 8
"""A `$ref` may lead to a `$ref`, and in a hostile schema to itself."""
_MAX_ENUM: Final = 40
_NO_NUMBERS: Final = frozenset({".nan", ".inf"})
"""What YAML takes for a number that JSON does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument that a tool takes."""

    name: str
    shape: Shape
    required: bool = False
    below: tuple[str, ...] = ()
    """Names of the fields within, at any depth."""
    choices: tuple[str | int | float, ...] = ()
    """Of `enum`, where all of them are texts or numbers."""
    format: str = ""
    description: str = ""

    @property
    def many(self) -> bool:
        return self.shape in ("strings", "numbers")


def parameters(schema: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """In the order of the schema. Nothing in a schema is an error: what is not understood is opaque."""
    names = _list(schema.get("required"))
    found = mapping(schema.get("properties")).items()
    return tuple(_parameter(name, schema, mapping(one), name in names) for name, one in found)


def hidden(schema: Mapping[str, Any]) -> bool:
    """Whether a call may hold more than `parameters` shows: in a union, by reference, by pattern."""
    unions = [part for key in ("anyOf", "oneOf", "allOf") for part in _list(schema.get(key))]
    return bool({"$ref", "patternProperties"} & schema.keys()) or any(
        {"properties", "$ref"} & mapping(part).keys() for part in unions
    )


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _parameter(name: str, root: Mapping[str, Any], one: Mapping[str, Any], required: bool) -> Parameter:
    description = one.get("description")
    variants = [variant for variant in _variants(root, one) if variant.get("type") != "null"]
    shapes: set[Shape] = {
        _shape(root, variant, kind) for variant in variants for kind in _types(variant) if kind != "null"
    }
    only: Mapping[str, Any] = variants[0] if len(variants) == 1 else mapping(None)
    return Parameter(
        name=name,
        shape=shapes.pop() if len(shapes) == 1 else "opaque",
        required=required,
        below=tuple(sorted({key for variant in variants for key in _below(root, variant, 0)})),
        choices=_choices(only.get("enum")),
        format=str(only.get("format") or mapping(only.get("items")).get("format") or ""),
        description=description if isinstance(description, str) else "",
    )


def _variants(root: Mapping[str, Any], one: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    one = _followed(root, one)
    for key in ("anyOf", "oneOf"):
        options = one.get(key)
        if isinstance(options, list) and options:
            for option in cast("Sequence[object]", options):
                yield _followed(root, mapping(option))
            return
    yield one


def _below(root: Mapping[str, Any], one: Mapping[str, Any], depth: int) -> Iterator[str]:
    if depth > _MAX_HOPS:
        return
    for name, inner in mapping(one.get("properties")).items():
        yield name
        for variant in _variants(root, mapping(inner)):
            yield from _below(root, variant, depth + 1)
    for variant in _variants(root, mapping(one.get("items"))) if "items" in one else ():
        yield from _below(root, variant, depth + 1)


def _followed(root: Mapping[str, Any], one: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a local `$ref` (`#/$defs/Name`) stands for; an empty schema where it leads nowhere."""
    for _ in range(_MAX_HOPS):
        ref = one.get("$ref")
        if not isinstance(ref, str):
            return one
        target: object = root if ref.startswith("#/") else {}
        for part in ref.removeprefix("#/").split("/"):
            target = mapping(target).get(part)
        one = mapping(target)
    return {}


def _types(one: Mapping[str, Any]) -> list[str]:
    kind = one.get("type")
    if isinstance(kind, list):
        return [str(each) for each in cast("list[object]", kind)]
    if isinstance(kind, str):
        return [kind]
    choices = _choices(one.get("enum"))
    return ["string"] if choices and all(isinstance(choice, str) for choice in choices) else ["unknown"]


def _shape(root: Mapping[str, Any], one: Mapping[str, Any], kind: str) -> Shape:
    if kind in _NUMBERS:
        return "number"
    if kind == "array":
        items = {
            _shape(root, item, each)
            for item in _variants(root, mapping(one.get("items")))
            for each in _types(item)
        }
        return "strings" if items == {"string"} else "numbers" if items == {"number"} else "opaque"
    return "string" if kind == "string" else "boolean" if kind == "boolean" else "opaque"


def _choices(enum: object) -> tuple[str | int | float, ...]:
    """Empty where a choice could not be written into a policy as it is."""
    if not isinstance(enum, list) or len(cast("list[object]", enum)) > _MAX_ENUM:
        return ()
    choices = cast("list[object]", enum)
    if all(_plain(choice) for choice in choices) and len({repr(choice) for choice in choices}) == len(
        choices
    ):
        return tuple(cast("list[str | int | float]", choices))
    return ()


def _plain(choice: object) -> bool:
    if isinstance(choice, str):
        return (
            bool(choice)
            and choice.isprintable()
            and len(choice) <= 100
            and choice.lstrip("+-").lower() not in _NO_NUMBERS
        )
    return type(choice) is int and abs(choice) < 10**15
