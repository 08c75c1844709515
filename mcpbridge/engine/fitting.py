"""Arguments against the JSON Schema of a bridged tool, before any policy or person sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final, cast

from mcpbridge.core.schema_cost import SchemaCost, extent

Fits = Callable[[Mapping[str, Any]], str | None]
"""None when the arguments fit, else a sentence for the model."""
_MISFIT: Final = "the arguments do not fit the tool's schema"
_MAX_COMPLAINTS: Final = 3
_MAX_LENGTH: Final = 300
_DRAFTS: Final = ("http://json-schema.org/", "https://json-schema.org/")


_BACKTRACKS: Final = 100_000
"""Of one pattern in one text: some 10 ms (measured). The library's own bound is ten times that."""
_LEVELS: Final = 8
"""Of arguments as tools take them; deeper ones are measured when they come."""


class UnusableSchema(ValueError):
    """Nothing can be held against it; the message says why."""


def fitting(schema: Mapping[str, Any], *, misfit: str = _MISFIT) -> Fits:
    """A check against `schema`, in the draft that it names (2020-12 where it names none, as MCP says).

    Nothing is ever fetched: a `$ref` that leads out of the schema makes it unusable. `misfit` is how a
    complaint begins. Raises UnusableSchema.
    """
    import jsonschema_rs  # 30 ms, and only bridged servers need it

    named = schema.get("$schema")
    ours = isinstance(named, str) and named.startswith(_DRAFTS)
    read = dict(schema) if ours else {key: value for key, value in schema.items() if key != "$schema"}
    try:
        patterns = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)
        validator = jsonschema_rs.validator_for(read, pattern_options=patterns, offline=True)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise UnusableSchema(_short(str(error).partition("\n")[0])) from None
    cost = SchemaCost(read)
    if cost.too_much(_LEVELS):
        raise UnusableSchema("it takes too long to hold anything against its schema")

    def fits(arguments: Mapping[str, Any]) -> str | None:
        if cost.too_much(*extent(arguments)):
            return f"{misfit}: nested too deeply to be held against it"
        try:
            if validator.is_valid(arguments):
                return None
            found = [_complaint(error) for error in islice(validator.iter_errors(arguments), _MAX_COMPLAINTS)]
        except (ValueError, TypeError) as error:  # a value that it cannot read
            found = [_short(str(error).partition("\n")[0])]
        return f"{misfit}: {'; '.join(found)}"

    return fits


def _complaint(error: Any) -> str:
    path = "/".join(str(part) for part in cast("list[str | int]", error.instance_path))
    return _short(f"{path}: {error.message}" if path else str(error.message))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…"
