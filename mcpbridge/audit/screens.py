"""Blobs as the log may keep them.

A blob's name must match its content, and the caller computed the name from its own text. A text that had
to be changed is therefore stored under the hash of what is stored, and the record says so:
`blobs_masked: {given: stored}`. What may not be stored at all is listed in `blobs_withheld`; at level
`sealed` it is in what is sealed.

The names of texts that are not stored as they were given are keyed (HMAC): the SHA-256 of a screen that shows
four secret digits is as good as the digits.

Each blob costs a sync. A record with many keeps the first few by name and all others in one more blob, a
JSON list of texts that it names in `blobs_bundle`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge.audit.blobs import Blob, blob_of, bundle_of
from mcpbridge.audit.hidden import Hidden
from mcpbridge.core.secret import Mask

MAX_BLOBS: Final = 64
"""Blobs of one record that are files of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The blobs to store, and the part of the line that names them."""

    blobs: tuple[Blob, ...] = ()
    masked: dict[str, str] = field(default_factory=dict[str, str])
    withheld: tuple[str, ...] = ()
    names: dict[str, str] = field(default_factory=dict[str, str])
    """SHA-256 of a text that is not stored as it was given → how the record names it instead."""
    sealed: dict[str, str] = field(default_factory=dict[str, str])
    """Withheld texts by that name, for those who may see them."""

    @property
    def text(self) -> str:
        """JSON members without braces; empty when there is nothing to say."""
        if not self.blobs and not self.withheld:
            return ""
        members: dict[str, Any] = {
            "blobs": [blob.sha256 for blob in self.blobs if not blob.bundle],
            "blobs_bundle": next((blob.sha256 for blob in self.blobs if blob.bundle), ""),
            "blobs_masked": self.masked,
            "blobs_withheld": self.withheld,
        }
        return json.dumps({name: value for name, value in members.items() if value}, separators=(",", ":"))[
            1:-1
        ]


def cover(texts: Iterable[str], *, mask: Mask, hidden: Hidden, only: frozenset[str] | None) -> Covered:
    """Mask known secrets and the `hidden` leaves of the arguments; store only names in `only`, if given."""
    blobs: list[Blob] = []
    masked: dict[str, str] = {}
    names: dict[str, str] = {}
    sealed: dict[str, str] = {}
    withheld: list[str] = []
    for text in dict.fromkeys(texts):
        given = blob_of(text)
        kept = hidden.without(mask.text(text))
        withhold = kept is None or (only is not None and given.sha256 not in only)
        if kept == text and not withhold:
            blobs.append(given)
            continue
        name = names[given.sha256] = hidden.named(given.sha256)
        if kept is None or withhold:
            withheld.append(name)
            sealed |= {} if kept is None else {name: kept}
        else:
            stored = blob_of(kept)
            masked[name] = stored.sha256
            blobs.append(stored)
    if len(blobs) > MAX_BLOBS:
        blobs[MAX_BLOBS:] = [bundle_of(blobs[MAX_BLOBS:])]
    return Covered(blobs=tuple(blobs), masked=masked, withheld=tuple(withheld), names=names, sealed=sealed)
