"""The shapes that values of a configuration have, as JSON Schema (draft 7, which editors know) writes them.

Patterns are those of the readers where these read by a pattern; all of them mean the same in Python and in
JavaScript.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcpbridge.config.duration import DURATION as SPELLED
from mcpbridge.config.headers import HEADER_NAME

Schema = dict[str, Any]

_VISIBLE: Final = r"\S"
_REFERENCE: Final = r"\$\{(env:[A-Za-z_][A-Za-z0-9_]*|(file|keyring):[^}]+)\}"
_NO_CONTROL: Final = r"[^$\x00-\x08\x0a-\x1f\x7f]"
_TEMPLATE: Final = rf"^({_NO_CONTROL}|\$(?!\$?\{{)|\$\$\{{|{_REFERENCE})*$"
"""One line; a `$` before a `{` begins a reference, or is written `$${`."""
_FOUND: Final = rf"(^|[^$]){_REFERENCE}"
_URL: Final = r"^(?=[!-~]+$)(?!.*\$\{)[Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+([/?#]|$)"
_BASE_URL: Final = rf"^(?!.*\?){_URL[1:]}"

TEXT: Final[Schema] = {"type": "string", "pattern": _VISIBLE}
FLAG: Final[Schema] = {"type": "boolean"}
# More than nothing: one digit of a duration is not 0.
DURATION: Final[Schema] = {"type": "string", "pattern": f"^(?=.*[1-9])({SPELLED.pattern})$"}
URL: Final[Schema] = {"type": "string", "pattern": _URL}
BASE_URL: Final[Schema] = {"type": "string", "pattern": _BASE_URL}
TEMPLATE: Final[Schema] = {"type": "string", "pattern": _TEMPLATE, "allOf": [{"pattern": _VISIBLE}]}
SECRET: Final[Schema] = {"type": "string", "pattern": _TEMPLATE, "allOf": [{"pattern": _FOUND}]}
"""A credential is kept elsewhere."""
FILE: Final[Schema] = {"type": "string", "pattern": r"[/\\]|\.ya?ml$"}
"""Other texts name something shipped."""
TEMPLATES: Final[Schema] = {"type": "object", "additionalProperties": TEMPLATE}
HEADERS: Final[Schema] = {**TEMPLATES, "propertyNames": {"pattern": f"^{HEADER_NAME.pattern}$"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a section. One that may be missing may be empty too, which is the same."""

    shape: Schema
    meaning: str
    required: bool = False

    @property
    def schema(self) -> Schema:
        return {"description": self.meaning, **(self.shape if self.required else or_empty(self.shape))}


Keys = Mapping[str, Key]
"""A section."""


def choice(words: Iterable[str]) -> Schema:
    return {"enum": list(words)}


def count(minimum: int = 1) -> Schema:
    return {"type": "integer", "minimum": minimum}


def matching(pattern: str) -> Schema:
    """The whole text."""
    return {"type": "string", "pattern": f"^{pattern}$"}


def listed(item: Schema, *, minimum: int = 0) -> Schema:
    return {"type": "array", "items": item, **({"minItems": minimum} if minimum else {})}


def one_of(*shapes: Schema) -> Schema:
    return {"anyOf": list(shapes)}


def section(keys: Keys) -> Schema:
    """A mapping of these keys and no others."""
    required = [name for name, key in keys.items() if key.required]
    return {
        "type": "object",
        "properties": {name: key.schema for name, key in keys.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def or_empty(shape: Schema) -> Schema:
    """The shape, or nothing behind the colon."""
    if "enum" in shape:
        return {**shape, "enum": [*shape["enum"], None]}
    if "anyOf" in shape:
        return {**shape, "anyOf": [*shape["anyOf"], {"type": "null"}]}
    return {**shape, "type": [shape["type"], "null"]}


def when(key: str, shape: Schema, then: Schema, otherwise: Schema | None = None) -> Schema:
    """A condition: what else holds where `key` is there and has this shape, and where not."""
    found: Schema = {"if": {"properties": {key: shape}, "required": [key]}, "then": then}
    return found if otherwise is None else {**found, "else": otherwise}


def given(*names: str) -> Schema:
    """Keys that are there and not empty."""
    return {"required": list(names), "properties": {name: {"not": {"type": "null"}} for name in names}}


def absent(name: str) -> Schema:
    """A key that is not there, or empty."""
    return {"properties": {name: {"type": "null"}}}
