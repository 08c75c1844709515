"""What the streams of this process can do."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO


def wants_color(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Colour on a terminal only, and not with NO_COLOR (https://no-color.org) or TERM=dumb."""
    able = sys.platform != "win32" or "WT_SESSION" in environ
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    return stream.isatty() and able and not plain


def somebody_there() -> bool:
    """Whether a person can be asked: standard input and standard error are terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()
