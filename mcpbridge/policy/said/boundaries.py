"""Where a token of somebody's text can begin and end: never within a word, an address or a number."""

from __future__ import annotations

from typing import Final

_OPENING: Final = frozenset('"\u201c\u201e\u00ab\u2039(<[{')
_CLOSING: Final = frozenset(')>]}"\u201d\u201c\u00bb\u203a')
_SOFT_LEFT: Final = frozenset("`*'\u2018\u00a1\u00bf@#$€£¥")
"""Begin a token only where one could begin before them: `*bob*`, `@bob`, `#general`, not `ana@bob`."""
_SOFT_RIGHT: Final = frozenset("`*'\u2019.:!?…%€")
_MAX_SIGNS: Final = 8
"""More signs in a row are no punctuation, and looking for their end at every place takes for ever."""


def places(text: str, value: str) -> list[int]:
    """Every index at which `value` stands in `text`."""
    found: list[int] = []
    index = text.find(value)
    while index >= 0:
        found.append(index)
        index = text.find(value, index + 1)
    return found


def begins(text: str, at: int) -> bool:
    """Whether a token can begin at `at`."""
    for _ in range(_MAX_SIGNS):
        at -= at > 0 and text[at - 1] in _SOFT_LEFT
    if at == 0 or text[at - 1].isspace() or text[at - 1] in _OPENING:
        return True
    before = text[at - 1]
    if before in ",;":
        return not (text[at - 2 : at - 1].isdigit() and text[at : at + 1].isdigit())
    return before == ":" and text[at : at + 1] not in ("/", "\\") and _is_label(text[: at - 1])


def _is_label(text: str) -> bool:
    """`to:ana@corp.example`: a word before the colon, and nothing glued to it."""
    last = text[-40:].rpartition(" ")[2]
    return last.isalpha() and len(last) > 1


def ends(text: str, at: int, *, url: bool = False) -> bool:
    """Whether a token can end at `at`. A `url` goes on through `,`, `;` and closing brackets."""
    for _ in range(_MAX_SIGNS):
        at += at < len(text) and _is_soft(text, at, url=url)
    if at >= len(text) or text[at].isspace():
        return True
    after = text[at]
    if url:
        return after in '>"\u201d\u00bb\u203a'
    if after in ",;":
        return not (text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit())
    return after in _CLOSING or (text[at : at + 2] in ("'s", "\u2019s") and ends(text, at + 2))


def _is_soft(text: str, at: int, *, url: bool) -> bool:
    if text[at : at + 2] in ("'s", "\u2019s"):
        return False
    return text[at] in _SOFT_RIGHT or (url and text[at] in ")]},;")
