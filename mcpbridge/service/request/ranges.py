"""How large the numbers of a request may be, and what its metadata may hold (published API description)."""

from __future__ import annotations

from collections.abc import Mapping

from mcpbridge.service.errors import ApiError, invalid_type
from mcpbridge.service.wire import Item, is_object

_RANGES: Mapping[str, tuple[int, int | None]] = {
    "max_output_tokens": (16, None),
    "max_tool_calls": (0, None),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_logprobs": (0, 20),
}
_PAIRS, _KEY, _VALUE = 16, 64, 512


def check_ranges(body: Item) -> None:
    """Raises ApiError at the first value outside. The types of the top level are checked already."""
    for name, (least, most) in _RANGES.items():
        value: float | None = body.get(name)
        if value is not None and value < least:
            raise _outside(name, value, "below_min", f">= {least}")
        if value is not None and most is not None and value > most:
            raise _outside(name, value, "above_max", f"<= {most}")
    metadata: object = body.get("metadata")
    if is_object(metadata):
        _check_metadata(metadata)


def _check_metadata(metadata: Item) -> None:
    if len(metadata) > _PAIRS:
        message = f"Invalid 'metadata': too many properties. Expected at most {_PAIRS}, got {len(metadata)}."
        raise ApiError(message, param="metadata", code="object_above_max_properties")
    for name, value in metadata.items():
        if len(name) > _KEY:
            raise _too_long("metadata", f"a key of {len(name)} characters", _KEY)
        path = f"metadata.{name}"
        if not isinstance(value, str):
            raise invalid_type(path, "a string", value)
        if len(value) > _VALUE:
            raise _too_long(path, f"a string of {len(value)} characters", _VALUE)


def _outside(name: str, value: float, code: str, expected: str) -> ApiError:
    kind = "integer" if isinstance(value, int) else "decimal"
    message = f"Invalid '{name}': {kind} {code.replace('_', ' ')} value. Expected a value {expected}."
    return ApiError(message, param=name, code=f"{kind}_{code}_value")


def _too_long(path: str, got: str, most: int) -> ApiError:
    message = f"Invalid '{path}': string too long. Expected at most {most} characters, got {got}."
    return ApiError(message, param=path, code="string_above_max_length")
