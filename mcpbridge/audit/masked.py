"""Known secrets out of plain JSON, where the names that are ours stay as they are."""

from __future__ import annotations

from typing import Any, NamedTuple

from mcpbridge.audit.plain import encode_again, numbers_as_text, strings_of
from mcpbridge.core.secret import Mask
from mcpbridge.errors import UsageError


def mask_of(given: object) -> Mask:
    """What was given, or one that knows no secret. Raises UsageError: found out with the first record, it
    would be too late."""
    if given is None:
        return Mask()
    if not isinstance(given, Mask):
        raise UsageError(
            f"mask is a mcpbridge.audit.Mask, not a {type(given).__name__}; write Mask([Secret(text), …]) "
            "with the credentials that you know, or leave it out"
        )
    return given


class Masked(NamedTuple):
    """JSON text, the value it stands for, and whether a number had to become text."""

    text: str
    plain: Any
    changed: bool


def masked(mask: Mask, text: str, plain: Any, own: frozenset[str] = frozenset()) -> Masked:
    """Known secrets replaced, but in names of `own`. The JSON text is searched first, then, where it has
    escapes, all texts in it together: both are much cheaper than each value by itself."""
    found = mask.found_in(text)
    if not found and not ("\\" in text and mask.found_in("\n".join(strings_of(plain)))):
        return Masked(text, plain, False)
    plain = _each(mask, plain, own)
    text = encode_again(plain)
    if not mask.found_in(text):
        return Masked(text, plain, False)
    plain = _each(mask, numbers_as_text(plain), own)  # a secret that stands there as a number
    return Masked(encode_again(plain), plain, True)


def _each(mask: Mask, plain: Any, own: frozenset[str]) -> Any:
    if not own:
        return mask.value(plain)
    return {name if name in own else mask.text(str(name)): mask.value(value) for name, value in plain.items()}
