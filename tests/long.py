"""What takes longer than a look at a change is worth: MCPBRIDGE_LONG_TESTS=1 runs it too."""

from __future__ import annotations

import os
from typing import Final

import pytest

LONG: Final = bool(os.environ.get("MCPBRIDGE_LONG_TESTS"))
long = pytest.mark.skipif(not LONG, reason="MCPBRIDGE_LONG_TESTS=1 runs it")
