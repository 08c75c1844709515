"""The names that the tools of bridged servers have for the model: `label__tool`.

MCP permits more than the Responses API takes (`^[a-zA-Z0-9_-]{1,64}$`), so what does not fit gets a hash. No
two tools ever share a name: a label holds no `_`, and a name that looks hashed is hashed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

MAX_LENGTH: Final = 64
"""Of a function's name (Responses API)."""
_SEPARATOR: Final = "__"
_HASH: Final = 12
_FITS: Final = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)
_OTHER: Final = re.compile(r"[^a-zA-Z0-9_-]")
_HASHED: Final = re.compile(rf"_[0-9a-f]{{{_HASH}}}\Z", re.ASCII)


def function_name(label: str, tool: str) -> str:
    """The function's name for a tool. `label` has at most 32 characters."""
    name = f"{label}{_SEPARATOR}{tool}"
    if len(name) <= MAX_LENGTH and _FITS.fullmatch(tool) and not _HASHED.search(tool):
        return name
    mark = hashlib.sha256(tool.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    kept = _OTHER.sub("_", name)[: MAX_LENGTH - _HASH - 1]
    return f"{kept}_{mark}"


def label_of(function: str) -> str:
    """The label that a function's name begins with; empty where there is none."""
    label, separator, _ = function.partition(_SEPARATOR)
    return label if separator else ""


def tool_of(function: str) -> str:
    """What follows the label."""
    return function.partition(_SEPARATOR)[2]
