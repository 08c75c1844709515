"""`args_schema:` JSON Schema (draft 2020-12) over all arguments, through jsonschema-rs.

JSON Schema passes what is missing or of another type (`{properties: {x: {minLength: 1}}}` is valid for
`{}` and for `{x: 5}`). So a schema is read twice, as it is written and with `type` and `required` filled
in, and only where both agree the answer is true or false; otherwise it is undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from mcpbridge.core.number import InexactFloat
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.doubled import DOUBTFUL
from mcpbridge.policy.matchers.patterns import compiled
from mcpbridge.policy.matchers.values import BadOperand
from mcpbridge.policy.model import Facts, Matcher, Truth
from mcpbridge.policy.problems import Problems, suggest

_SCHEMA: Final = ("items", "contains", "additionalProperties", "propertyNames", "not")
_SCHEMAS: Final = ("prefixItems", "allOf", "anyOf")
_NAMED: Final = ("properties", "patternProperties", "$defs")
_IMPLIES: Final[Mapping[str, str]] = {
    "pattern": "string", "minLength": "string", "maxLength": "string", "format": "string",
    "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
    "multipleOf": "number",
    "items": "array", "prefixItems": "array", "contains": "array", "minItems": "array", "maxItems": "array",
    "uniqueItems": "array",
    "properties": "object", "patternProperties": "object", "additionalProperties": "object",
    "propertyNames": "object", "required": "object", "minProperties": "object", "maxProperties": "object",
}  # fmt: skip
"""Keyword → the one type it speaks about."""
_ANY_TYPE: Final = ("type", "enum", "const", "allOf", "anyOf", "not", "$ref", "$defs", "title", "description")
KEYWORDS: Final = (*_IMPLIES, *_ANY_TYPE, "$comment")
FORMATS: Final = ("date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid")
_REFUSED: Final[Mapping[str, str]] = {
    "oneOf": "write `anyOf`",
    "if": "write `anyOf` with the cases",
    "then": "write `anyOf` with the cases",
    "else": "write `anyOf` with the cases",
    "dependentSchemas": "write `anyOf` with the cases",
    "dependentRequired": "write `anyOf` with the cases",
    "$schema": "remove it: the draft is 2020-12",
}
_LOCAL: Final = re.compile(r"#/\$defs/[A-Za-z0-9_-]+")


def read_args_schema(
    value: object, at: Path, problems: Problems, *, besides: Iterable[str] | None
) -> Matcher | None:
    """`besides`: arguments that the schema does not name match only if they are one of these (allow
    rules); None lets all others match."""
    schema = problems.mapping(value, at, "a JSON Schema, such as {properties: {sql: {pattern: …}}}")
    if schema is None:
        return None
    before = problems.count
    if not schema:
        problems.add(at, "an empty `args_schema` says nothing; remove it")
    _check(schema, at, problems)
    if problems.count > before:
        return None
    strict = _filled(schema)
    strict["type"] = "object"
    if besides is not None:
        _close(strict)
        strict["properties"] = dict.fromkeys(besides, True) | strict.get("properties", {})
    try:
        return _matcher(schema, strict)
    except BadOperand as error:
        problems.add(at, f"`args_schema` {error}")
        return None


def named_by(schema: Matcher) -> Iterable[str]:
    """The arguments that an `args_schema` names."""
    return cast("dict[str, dict[str, object]]", schema.operand).get("properties", {})


def _matcher(schema: Mapping[str, Any], strict: Mapping[str, Any]) -> Matcher:
    readings = [_validator(dict(schema)), _validator(dict(strict))]

    def decide(value: object, facts: Facts) -> Truth:
        if _is_doubtful(value):
            return None
        try:
            truths = {bool(one.is_valid(value)) for one in readings}
        except ValueError:  # a lone surrogate, a value that JSON does not have
            return None
        return truths.pop() if len(truths) == 1 else None

    return Matcher(
        name="args_schema",
        operand=dict(schema),
        text="the arguments fit args_schema",
        kinds=frozenset({"object"}),
        decide=decide,
    )


def _is_doubtful(value: object) -> bool:
    """Whether something stands in it that can be read in two ways."""
    if isinstance(value, Mapping):
        return any(map(_is_doubtful, cast("Mapping[str, object]", value).values()))
    if isinstance(value, list | tuple):
        return any(map(_is_doubtful, cast("Sequence[object]", value)))
    return isinstance(value, InexactFloat) or value is DOUBTFUL


def _validator(schema: dict[str, Any]) -> Any:
    import jsonschema_rs  # 30 ms, and only policies with a schema need it

    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            validate_formats=True,
            ignore_unknown_formats=False,
            pattern_options=jsonschema_rs.RegexOptions(),
            offline=True,
        )
    except (jsonschema_rs.ValidationError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise BadOperand(f"is no JSON Schema: {first}") from error


def _check(schema: dict[str, Any], at: Path, problems: Problems) -> None:
    """Keywords, references, formats and patterns, each complaint at its line."""
    for key, value in schema.items():
        _check_keyword(key, value, (*at, key), problems)
    if "type" not in schema and len(_implied(schema)) > 1:
        kinds = " and ".join(sorted(_implied(schema)))
        problems.add(at, f"these keywords speak about {kinds}; write `type` to say which is meant")
    for below, place in _below(schema, at):
        if isinstance(below, dict):
            _check(cast("dict[str, Any]", below), place, problems)
        elif not isinstance(below, bool):
            problems.add(place, "write a schema here")


def _check_keyword(key: str, value: object, at: Path, problems: Problems) -> None:
    if key in _REFUSED:
        problems.add(at, f"`{key}` is not available in `args_schema`; {_REFUSED[key]}")
    elif key not in KEYWORDS:
        problems.add(at, f"unknown keyword `{key}`; {suggest(key, KEYWORDS)}")
    elif key == "$ref" and not (isinstance(value, str) and _LOCAL.fullmatch(value)):
        problems.add(at, "`$ref` stays within the schema: write `#/$defs/NAME`")
    elif key == "format" and value not in FORMATS:
        problems.add(at, f"unknown format; {suggest(str(value), FORMATS)}")
    elif key == "pattern":
        _check_pattern(value, at, problems)
    elif key == "patternProperties" and isinstance(value, dict):
        for pattern in cast("dict[str, object]", value):
            _check_pattern(pattern, (*at, pattern), problems)


def _check_pattern(value: object, at: Path, problems: Problems) -> None:
    try:
        compiled(value if isinstance(value, str) else "(")
    except BadOperand as error:
        problems.add(at, f"`pattern` {error}")


def _below(schema: Mapping[str, Any], at: Path) -> Iterator[tuple[object, Path]]:
    """The schemas inside one."""
    for key, value in schema.items():
        if key in _SCHEMA:
            yield value, (*at, key)
        elif key in _SCHEMAS and isinstance(value, list):
            for index, one in enumerate(cast("list[object]", value)):
                yield one, (*at, key, index)
        elif key in _NAMED and isinstance(value, dict):
            for name, one in cast("dict[str, object]", value).items():
                yield one, (*at, key, name)


def _implied(schema: Mapping[str, Any]) -> set[str]:
    return {_IMPLIES[key] for key in schema if key in _IMPLIES}


def _filled(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the `type` its keywords imply, and with every property required."""
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _SCHEMA:
            made[key] = _fill(value)
        elif key in _SCHEMAS:
            made[key] = [_fill(one) for one in value]
        elif key in _NAMED:
            made[key] = {name: _fill(one) for name, one in value.items()}
        else:
            made[key] = value
    implied = _implied(schema)
    if "type" not in made and implied:
        made["type"] = implied.pop()
    if "properties" in made and "required" not in made:
        made["required"] = list(made["properties"])
    return made


def _fill(schema: object) -> object:
    return _filled(cast("dict[str, Any]", schema)) if isinstance(schema, dict) else schema


def _close(schema: dict[str, Any]) -> None:
    """No further properties: neither at the top nor in the objects of `properties` and `items`."""
    if {"allOf", "anyOf", "$ref", "not"} & schema.keys():
        if "additionalProperties" not in schema and schema.get("type") == "object":
            schema["unevaluatedProperties"] = False
    elif schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    inside = [*schema.get("properties", {}).values(), schema.get("items"), *schema.get("prefixItems", [])]
    for one in inside:
        if isinstance(one, dict):
            _close(cast("dict[str, Any]", one))
