"""Did you mean …? One sentence for a word that is not on the list."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def instead(word: str, choices: Iterable[str]) -> str:
    """What to write instead of `word`: the closest choice, or all of them."""
    known = sorted(choices)
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"write one of: {', '.join(known)}" if known else "there is nothing to choose from"
