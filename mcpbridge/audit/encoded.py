"""A record as it is written."""

from __future__ import annotations

from typing import NamedTuple

from mcpbridge.audit.blobs import Blob
from mcpbridge.core.quota import Quota


class Encoded(NamedTuple):
    """What the log writes, once it knows the record's place. (A tuple: one is made for every record.)"""

    body: bytes
    blobs: tuple[Blob, ...] = ()
    decision_key: str | None = None
    """As the line has it."""
    keys: tuple[str, ...] = ()
    """The decision key as given, and as it is written once a known secret is in it: both are the same key."""
    search: bool = False
    """Whether a record of an earlier process may carry the key."""
    request_id: str = ""
    outcome: str = ""
    quotas: tuple[Quota, ...] = ()
    use: str = ""
    freed: str = ""
    at: float = 0.0
    """POSIX time of the line, to the microsecond that it shows."""
    probe: bool = False
    """Asks whether the quotas permit one more use; nothing is written."""

    @property
    def named(self) -> str:
        """What an error calls it. Not the key as it was given: a known secret may be in that."""
        return self.request_id or self.decision_key or ""
