"""Blobs as the log may keep them.

A blob's name must match its content, and the caller computed the name from its own text. A text that had
to be changed is therefore stored under the hash of what is stored, and the record says so:
`blobs_masked: {given: stored}`. What may not be stored at all is listed in `blobs_withheld`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge.audit.blobs import Blob, blob_of
from mcpbridge.audit.redact import Redactor
from mcpbridge.core.question import visible
from mcpbridge.core.secret import Mask

_SHORT: Final = 6
"""Shorter values are replaced only where they stand in quotes; they would match ordinary words."""
_HEAD: Final = 16
"""A screen cuts long values; this much of one still shows that it was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The blobs to store, and the part of the line that names them."""

    blobs: tuple[Blob, ...] = ()
    masked: dict[str, str] = field(default_factory=dict[str, str])
    withheld: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """JSON members without braces; empty when there is nothing to say."""
        if not self.blobs and not self.withheld:
            return ""
        members: dict[str, Any] = {
            "blobs": [blob.sha256 for blob in self.blobs],
            "blobs_masked": self.masked,
            "blobs_withheld": self.withheld,
        }
        return json.dumps({name: value for name, value in members.items() if value}, separators=(",", ":"))[
            1:-1
        ]


def cover(
    texts: Iterable[str],
    *,
    mask: Mask,
    redactor: Redactor,
    hidden: Sequence[str],
    only: frozenset[str] | None,
) -> Covered:
    """Mask known secrets and the `hidden` leaves of the arguments; store only names in `only`, if given."""
    blobs: list[Blob] = []
    masked: dict[str, str] = {}
    withheld: list[str] = []
    for text in dict.fromkeys(texts):
        given = blob_of(text)
        kept = _without(mask.text(text), hidden, redactor)
        if kept is None or (only is not None and given.sha256 not in only):
            withheld.append(given.sha256)
            continue
        stored = given if kept == text else blob_of(kept)
        if stored is not given:
            masked[given.sha256] = stored.sha256
        blobs.append(stored)
    return Covered(blobs=tuple(blobs), masked=masked, withheld=tuple(withheld))


def _without(text: str, hidden: Sequence[str], redactor: Redactor) -> str | None:
    """The text with hidden leaves replaced; None when a piece of one would remain."""
    for leaf in sorted(set(hidden), key=len, reverse=True):
        stand_in = redactor.part(leaf)
        for form in _forms(leaf):
            if len(leaf) < _SHORT:
                text = text.replace(f'"{form}"', f'"{stand_in}"')
                continue
            text = text.replace(form, stand_in)
            if len(form) > _HEAD and form[:_HEAD] in text:
                return None
    return text


def _forms(leaf: str) -> Iterator[str]:
    """The leaf as it is, and as a screen (core.question) shows it."""
    shown = json.dumps(leaf, ensure_ascii=False)[1:-1]
    yield from dict.fromkeys((leaf, shown, visible(shown, newlines=False)))
