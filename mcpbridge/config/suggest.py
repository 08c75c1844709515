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


def closest(word: str, choices: Iterable[str]) -> str:
    """The closest choice; empty where none is close."""
    close = difflib.get_close_matches(word, sorted(choices), n=1, cutoff=0.7)
    return close[0] if close else ""


def also(sentence: str, advice: str) -> str:
    """One more piece of advice behind a sentence, whether that ends in a question or not."""
    if sentence.endswith("?"):
        return f"{sentence} {advice[:1].upper()}{advice[1:]}"
    return f"{sentence}; {advice}"
