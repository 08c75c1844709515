"""The root logger, kept as the program has it."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def root_logging_untouched() -> Generator[None, None, None]:
    """MCPServer configures the root logger; that is for the program to decide, not for one server in it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
