"""Exit codes of the command line. Denials alone do not change them."""

from __future__ import annotations

from typing import Final

COMPLETED: Final = 0
FAILED: Final = 1
USAGE: Final = 2
PAUSED: Final = 3
UNKNOWN: Final = 4
READER_LEFT: Final = 141
"""As a shell says it of what SIGPIPE ended: none of the above, so nobody takes it for a verdict."""
