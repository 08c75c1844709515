"""Names and helpers that the tests of the command line share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import mcpbridge

TOKEN = "canary-token-8f3a91"
"""What the demo's MCP server wants."""

WriteConfig = Callable[..., Path]

MAIN = (sys.executable, "-c", "import sys; from mcpbridge.cli.main import main; sys.exit(main())")


def environment(**more: str) -> dict[str, str]:
    """An environment for a process of its own that finds this package, wherever it runs."""
    return {**os.environ, "PYTHONPATH": str(Path(mcpbridge.__file__).parents[1]), **more}
