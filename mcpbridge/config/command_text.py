"""A command that was written as one text, as the list it should have been."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import yaml

from mcpbridge.config.connection import command_complaints


def as_words(text: str) -> tuple[str, ...]:
    """Split as a shell would; nothing where that is not to be repeated in a message, or is no command."""
    try:
        words = tuple(shlex.split(text))
    except ValueError:  # an open quotation mark
        return ()
    return () if any(command_complaints(words)) else words


def as_list(words: Sequence[str]) -> str:
    """As YAML, on one line, quoted where a word would be read as something else."""
    return yaml.safe_dump(
        list(words), default_flow_style=True, allow_unicode=True, width=float("inf")
    ).strip()
