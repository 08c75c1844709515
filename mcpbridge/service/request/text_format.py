"""`text.format`: what an answer must be, checked when it comes in and held to when the model answers.

Strict schemas are those of Structured Outputs: each object closed, each property required.
https://platform.openai.com/docs/guides/structured-outputs
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from mcpbridge.service.errors import (
    ApiError,
    invalid_type,
    invalid_value,
    missing_parameter,
    unknown_parameter,
)
from mcpbridge.service.wire import Item, is_list, is_object, text_of

_PATH = "text.format"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the published description of TextResponseFormatJsonSchema
_FIELDS = frozenset({"type", "name", "description", "schema", "strict"})
_BELOW = ("properties", "$defs", "definitions")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFormat:
    """text, json_object, or json_schema with its schema. Only a strict schema binds the model."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str = ""
    schema: Item = field(default_factory=Item, repr=False)
    strict: bool = False

    def problem(self, answer: str) -> str | None:
        """What keeps an answer from being in this format; None where it is."""
        if self.type == "text" or (self.type == "json_schema" and not self.strict):
            return None
        try:
            value: object = json.loads(answer)
        except ValueError:
            return "it is not JSON"
        if self.type == "json_object":
            return None if is_object(value) else "it is not a JSON object"
        return _first_problem(self.schema, value)


def read_text_format(text: object, items: Sequence[Item], instructions: str | None) -> TextFormat:
    """Raises ApiError."""
    given: object = text.get("format") if is_object(text) else None
    if given is None:
        return TextFormat()
    if not is_object(given):
        raise invalid_type(_PATH, "an object", given)
    kind: object = given.get("type")
    if kind is None:
        raise missing_parameter(f"{_PATH}.type")
    if kind == "json_schema":
        return _read_schema(given)
    if kind not in ("text", "json_object"):
        raise invalid_value(f"{_PATH}.type", kind, "'text', 'json_object' and 'json_schema'")
    _only(given, frozenset({"type"}))
    if kind == "text":
        return TextFormat()
    _require_the_word(items, instructions)
    return TextFormat(type="json_object")


def _read_schema(given: Item) -> TextFormat:
    _only(given, _FIELDS)
    for name in ("name", "schema"):
        if given.get(name) is None:
            raise missing_parameter(f"{_PATH}.{name}")
    name, schema, strict = given["name"], given["schema"], given.get("strict")
    if not isinstance(name, str):
        raise invalid_type(f"{_PATH}.name", "a string", name)
    if not _NAME.fullmatch(name):
        message = (
            f"Invalid '{_PATH}.name': string does not match pattern. Expected a string that matches the "
            "pattern '^[a-zA-Z0-9_-]+$', of 64 characters at most."
        )
        raise ApiError(message, param=f"{_PATH}.name", code="invalid_value")
    if not is_object(schema):
        raise invalid_type(f"{_PATH}.schema", "an object", schema)
    if not (strict is None or isinstance(strict, bool)):
        raise invalid_type(f"{_PATH}.strict", "a boolean", strict)
    check_schema(
        schema, f"response_format '{name}'", f"{_PATH}.schema", "invalid_json_schema", strict is True
    )
    return TextFormat(type="json_schema", name=name, schema=schema, strict=strict is True)


def _only(given: Item, known: frozenset[str]) -> None:
    for name in given:
        if name not in known:
            raise unknown_parameter(f"{_PATH}.{name}")


def _require_the_word(items: Sequence[Item], instructions: str | None) -> None:
    """JSON mode wants to be spoken of, or a real model would run on in blanks."""
    said = [instructions or "", *(text_of(item.get("content")) for item in items)]
    if not any("json" in text.lower() for text in said):
        message = (
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
            "'json_object'."
        )
        raise ApiError(message, param="input")


def check_schema(schema: Item, whose: str, param: str, code: str, strict: bool) -> None:
    """Whether it is a JSON schema and, with `strict`, one of the strict subset. Raises ApiError."""
    try:
        problem = _malformed(schema) or (next(_loose(schema, ()), None) if strict else None)
    except RecursionError:
        problem = "it is nested too deeply."
    else:
        if strict and schema.get("type") != "object" and problem is None:
            problem = (
                f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
            )
    if problem is not None:
        raise ApiError(f"Invalid schema for {whose}: {problem}", param=param, code=code)


def _malformed(schema: Item) -> str | None:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        context = tuple(str(part) for part in error.absolute_path)
        return f"In context={context}, {error.message[:200]}."
    return None


def _loose(schema: object, context: tuple[str, ...]) -> Iterator[str]:
    """What keeps a schema out of the strict subset, outermost first."""
    if not is_object(schema):
        return
    reference: object = schema.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        yield f"In context={context}, '$ref' can only point to definitions within the schema."
    properties: object = schema.get("properties")
    if schema.get("type") == "object" or is_object(properties):
        yield from _open_object(schema, properties if is_object(properties) else {}, context)
    for name in _BELOW:
        below: object = schema.get(name)
        for key, inner in below.items() if is_object(below) else ():
            yield from _loose(inner, (*context, name, key))
    if "items" in schema:
        yield from _loose(schema["items"], (*context, "items"))
    for index, inner in enumerate(schema.get("anyOf") or ()):
        yield from _loose(inner, (*context, "anyOf", str(index)))


def _open_object(schema: Item, properties: Item, context: tuple[str, ...]) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield f"In context={context}, 'additionalProperties' is required to be supplied and to be false."
    required: object = schema.get("required")
    missing = [name for name in properties if not is_list(required) or name not in required]
    if missing:
        yield (
            f"In context={context}, 'required' is required to be supplied and to be an array including every "
            f"key in properties. Missing '{missing[0]}'."
        )


def _first_problem(schema: Item, value: Any) -> str | None:
    """A reference is looked up in the schema and nowhere else: the registry fetches nothing."""
    from jsonschema import Draft202012Validator, ValidationError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    nowhere: Registry[Any] = Registry()
    errors: object = Draft202012Validator(schema, registry=nowhere).iter_errors(value)  # pyright: ignore[reportUnknownMemberType]
    try:
        found = next(cast("Iterator[ValidationError]", errors), None)
    except Unresolvable as error:
        return f"the schema refers to {error.ref}, which is not in it"
    except RecursionError:
        return "the schema refers to itself without end"
    if found is None:
        return None
    where = "/".join(str(part) for part in found.absolute_path)
    return f"{where}: {found.message}" if where else found.message
