"""The names of the throw-away server's tools."""

from __future__ import annotations

from typing import Final

READ: Final = "probe_read"
"""Says of itself that it only reads."""
WRITE: Final = "probe_write"
"""Says of itself that it does not only read. It writes nothing either."""
