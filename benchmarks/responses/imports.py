"""What importing costs, each in a fresh interpreter, and what `mcpbridge --help` loads."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from typing import Final

_TIMED: Final = "import time; t = time.process_time(); {statement}; print(time.process_time() - t)"
_HELP: Final = """
import contextlib, io, sys
from mcpbridge.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
print(*sorted({"openai", "mcp", "pydantic", "httpx2"} & sys.modules.keys()))
"""
STATEMENTS: Final = {
    "mcpbridge": "import mcpbridge",
    "Bridge": "from mcpbridge import Bridge",
    "openai": "import openai",
}
FORBIDDEN: Final = frozenset({"openai", "mcp"})
"""What `--help` must not load."""


def import_seconds(*, samples: int) -> dict[str, float]:
    """CPU seconds of each import, medians; the statements take turns, and one untimed round comes first."""
    found: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for number in range(samples + 1):
        for name, statement in STATEMENTS.items():
            seconds = float(_python(_TIMED.format(statement=statement)))
            if number:
                found[name].append(seconds)
    return {name: median(seconds) for name, seconds in found.items()}


def loaded_by_help() -> frozenset[str]:
    """Which heavy packages `mcpbridge --help` loads."""
    return frozenset(_python(_HELP).split())


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout
