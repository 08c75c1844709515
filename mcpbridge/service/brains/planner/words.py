"""Words as the planner compares them: lower case, without endings, without the ones that say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STOP_WORDS: Final = frozenset(
    """a about an and any anything are as at be because been before being but by can could did do does done
    each for from had has have he her here him his how i if in into is it its just kindly let like may me
    might must my need now of off on one or our ours out over own please shall she should so some than that
    the their them then there these they this those to too under until up us use using very want was we
    were what when where which while who whom why will with would you your yours""".split()  # noqa: SIM905
)
_ALIKE: Final = (
    ("create", "open", "add", "new", "make", "file", "register", "raise", "start"),
    ("list", "show", "display", "all", "enumerate", "give"),
    ("read", "get", "fetch", "show", "view", "open", "load", "tell", "give"),
    ("search", "find", "look", "query", "lookup", "seek"),
    ("send", "mail", "email", "post", "write", "message"),
    ("update", "change", "edit", "modify", "set", "rename", "alter"),
    ("delete", "remove", "drop", "erase", "destroy", "cancel"),
    ("close", "resolve", "finish", "complete"),
    ("issue", "ticket", "bug", "problem", "task"),
    ("document", "doc", "page", "file", "article", "documentation"),
    ("weather", "forecast", "temperature"),
    ("user", "person", "member", "customer", "account"),
    ("date", "day", "time"),
    ("draw", "paint", "sketch", "picture", "image", "illustrate", "illustration"),
    ("calculate", "compute", "sum", "plus"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a text: how it compares, and where it stands."""

    stem: str
    written: str
    start: int
    end: int


def stem(word: str) -> str:
    """The word without its usual English endings; crude, and the same for everything that is compared."""
    word = word.lower()
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            word = word.removesuffix(ending)
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


_NOTHING: Final = frozenset(stem(word) for word in _STOP_WORDS) | _STOP_WORDS
_GROUPS: Final = tuple(frozenset(stem(word) for word in group) for group in _ALIKE)
_GENERAL: Final = (*_GROUPS[:3], _GROUPS[5])
"""The verbs of create, list, read and update."""


@lru_cache(maxsize=64)  # one text is looked at many times while it is planned on
def words(text: str) -> tuple[Word, ...]:
    """All words of a text in order, the empty ones too; `create_issue` and `createIssue` are two words."""
    return tuple(_words(text))


def _words(text: str) -> Iterator[Word]:
    for found in _WORD.finditer(text):
        start = found.start()
        for part in _CAMEL.split(found[0]):
            yield Word(stem=stem(part), written=part, start=start, end=start + len(part))
            start += len(part)


def content_words(text: str) -> list[Word]:
    """The words that say something, each once, in order."""
    return list({one.stem: one for one in words(text) if one.stem not in _NOTHING}.values())


def content_stems(text: str) -> list[str]:
    """Their stems."""
    return [one.stem for one in content_words(text)]


def is_general(stem: str) -> bool:
    """Whether it is a verb that many tools begin with: alone it chooses none of them."""
    return any(stem in group for group in _GENERAL)


def says_nothing(stem: str) -> bool:
    """Whether it is one of the words that every sentence has."""
    return stem in _NOTHING


def alike(one: str, other: str) -> bool:
    """Whether two different stems are taken for the same."""
    return any(one in group and other in group for group in _GROUPS)
