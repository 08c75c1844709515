"""Blobs as the log may keep them.

A blob's name must match its content, and the caller computed the name from its own text. A text that had
to be changed is therefore stored under the hash of what is stored, and the record says so:
`blobs_masked: {given: stored}`. What may not be stored at all is listed in `blobs_withheld`.

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
    withheld: list[str] = []
    for text in dict.fromkeys(texts):
        given = blob_of(text)
        kept = hidden.without(mask.text(text))
        if kept is None or (only is not None and given.sha256 not in only):
            withheld.append(given.sha256)
            continue
        stored = given if kept == text else blob_of(kept)
        if stored is not given:
            masked[given.sha256] = stored.sha256
        blobs.append(stored)
    if len(blobs) > MAX_BLOBS:
        blobs[MAX_BLOBS:] = [bundle_of(blobs[MAX_BLOBS:])]
    return Covered(blobs=tuple(blobs), masked=masked, withheld=tuple(withheld))
