"""Names and sentences, split into words: `sendEmail`, `send_email` and `send-email` are the same two."""

from __future__ import annotations

import re
from typing import Final

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"[a-z0-9]+")
_UNCOUNTABLE: Final = frozenset({"address", "status", "access", "canvas", "class", "https", "dns", "process"})


def words(name: str) -> tuple[str, ...]:
    """Lower-case words, in order. What is not ASCII is no word: nothing is guessed from look-alikes."""
    return tuple(_WORD.findall(_HUMP.sub(" ", name).lower()))


def singular(word: str) -> str:
    """`recipients` → `recipient`; good enough for names of parameters."""
    if word in _UNCOUNTABLE or len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith("addresses") or word.endswith(("ches", "xes", "shes")):
        return word[:-2]
    return word[:-1]
