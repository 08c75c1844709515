"""Links, addresses and account numbers in free text: what a reader's program (or a reader) could follow.

Strict on purpose: what looks like one, or like one in disguise, is one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

_INVISIBLE: Final = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e0fff]+"
)
_DOTS: Final = re.compile(
    r"(?<=[A-Za-z0-9])[\u00b7\u2022\u2219\u22c5\u3002\uff61\ufe12\u2024\u2027](?=[A-Za-z0-9])"
)
_DISGUISE: Final = re.compile(
    r"hxxps?|h\*\*ps?|[\[({<]\s*(?:\.|dot|at|@|:|://|/)\s*[\])}>]|\w\s+dot\s+\w|\w\s+\.\s+\w|\w\s*@\s+\w"
    r"|\s\.[a-z]{2,}\b|\.\s+(?:com|net|org|io|co|ru|cn|de|info|biz|xyz|top|app|dev|me|ai|site|online)\b"
    r"|\w\s+\(?at\)?\s+[\w-]+\s+dot\s|&#|%(?:2e|2f|3a|40)|\]\(|\]:\s|<\s?/?[a-z][a-z0-9]{0,20}[\s/][^<>]*=",
    re.IGNORECASE,
)
"""Whoever writes like this wants a link to pass as none."""
_SCHEME: Final = re.compile(
    r":/|//[^\s/]|\\\\[^\s\\]|\b(?:javascript|vbscript|data|mailto|tel|sms|callto|skype|file|blob|about"
    r"|magnet|intent|market|ftps?|sftp|ssh|git|ldaps?|gopher|wss?|xmpp|sips?|geo|bitcoin|ethereum|lightning):\S",
    re.IGNORECASE,
)
_RUN: Final = re.compile(r"[^\W_](?:[\w.-]*\w)?")
_LAST_LABEL: Final = re.compile(r"[^\W\d_]{2,}|xn--[a-z0-9-]+", re.IGNORECASE)
_IPV4: Final = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_IPV6: Final = re.compile(r"[0-9a-f]{0,4}::[0-9a-f:]*|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}", re.IGNORECASE)
_FILES: Final = frozenset(
    {
        *(
            "pdf",
            "txt",
            "doc",
            "docx",
            "xls",
            "xlsx",
            "ppt",
            "pptx",
            "odt",
            "ods",
            "csv",
            "tsv",
            "json",
            "yaml",
        ),
        *(
            "yml",
            "xml",
            "html",
            "htm",
            "png",
            "jpg",
            "jpeg",
            "gif",
            "svg",
            "log",
            "ini",
            "cfg",
            "toml",
            "mp3",
        ),
        *("mp4", "wav", "tex", "ipynb", "sql"),
    }
)
"""Endings of file names that are no top-level domains."""
_DATE: Final = re.compile(
    r"(?<![\w.-])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?"
    r"|[0-9]{1,2}[./][0-9]{1,2}[./](?:[0-9]{4}|[0-9]{2}))(?![\w-]|\.\w)"
)
_DIGITS: Final = re.compile(r"\+?[0-9](?:[ ().\-/]{0,2}[0-9]){7,}")
_ACCOUNT: Final = re.compile(r"(?<![^\W_])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){9,30}(?![^\W_])", re.IGNORECASE)
_LONG: Final = re.compile(r"[A-Za-z0-9_-]{24,}")
_WRAPPED: Final = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u2039\u203a()[]{}<>*`_~|"
_MAX_CHUNK: Final = 2_000
"""No address is longer than a screen; a longer run of characters without a space hides something."""


def disguised(text: str) -> bool:
    """Whether a text hides a link: spelled out, encoded, or with characters that nobody sees."""
    plain = _plain(text)
    if plain != text and _INVISIBLE.search(text) and _in_words(text):
        return True
    if _DISGUISE.search(plain) or _DISGUISE.search(text):
        return True
    return any(found not in text for chunk in plain.split() for found in _links_of(chunk))


def links_in(text: str) -> set[str]:
    """URLs, e-mail addresses, hosts and IP addresses, each with everything that is glued to it."""
    return {found for chunk in text.split() for found in _links_of(chunk)}


def numbers_in(text: str) -> set[str]:
    """Account, card and phone numbers: their letters and digits only, in capitals."""
    rest = _DATE.sub(" ; ", text)
    found = {one[0] for pattern in (_ACCOUNT, _DIGITS) for one in pattern.finditer(rest)}
    found |= {one for one in _LONG.findall(rest) if re.search("[0-9]", one) and re.search("[A-Za-z]", one)}
    return {re.sub(r"[^A-Z0-9]", "", one.upper()) for one in found}


def _plain(text: str) -> str:
    """As a program may see it in the end: decoded, composed, without what is invisible."""
    for _ in range(3):
        text = html.unescape(unquote(text, errors="replace"))
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return _DOTS.sub(".", text)


def _in_words(text: str) -> bool:
    """Whether an invisible character stands beside a Latin letter, a digit or a dot, where none belongs."""
    return any(
        (text[one.start() - 1 : one.start()] + text[one.end() : one.end() + 1]).isascii()
        for one in _INVISIBLE.finditer(text)
    )


def _links_of(chunk: str) -> Iterator[str]:
    """`chunk` holds no white space."""
    if len(chunk) > _MAX_CHUNK:
        yield chunk
        return
    bare = chunk.strip(_WRAPPED + ".,;:!?…")
    if _is_link(bare):
        yield bare


def _is_link(chunk: str) -> bool:
    if "@" in chunk[1:] or _SCHEME.search(chunk) or _IPV4.search(chunk) or _IPV6.search(chunk):
        return True
    if re.search(r"\blocalhost\b|\bwww\b", chunk, re.IGNORECASE):
        return True
    runs = _RUN.findall(chunk)
    return any(_is_host(run, alone=len(runs) == 1 and run == chunk) for run in runs)


def _is_host(run: str, *, alone: bool) -> bool:
    """`a.example`, but not `report.pdf` where nothing but a file can be meant."""
    labels = run.split(".")
    if len(labels) < 2 or not _LAST_LABEL.fullmatch(labels[-1]):
        return False
    if not all(label for label in labels):
        return bool(labels[-2])
    return not (alone and len(labels) == 2 and labels[-1].lower() in _FILES)
