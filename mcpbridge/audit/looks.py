"""What looks like a secret: the name it goes by, or its own shape.

Errs towards hiding. Plain hexadecimal is left readable (commit ids, digests); a key that is plain
hexadecimal is found by its name only. Every pattern takes time linear in the text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import ne
from typing import Final, NamedTuple

_NAME: Final = re.compile(
    "passw(?:or)?d|passphrase|passcode|apikey|accesskey|privatekey|secretkey|signingkey|encryptionkey"
    "|authorization|credential|bearer|cookie|authtoken|clientsecret|sessionid"
    "|(?:token|secret|secrets|pwd|otp)$"
)
_WORDS: Final = frozenset({"password", "passwd", "pwd", "secret", "secrets", "jwt", "otp", "cvv"})
_STEMS: Final = (
    "pass", "key", "token", "secret", "authorization", "credential", "bearer", "cookie", "sessionid", "pwd",
    "otp", "jwt", "cvv",
)  # fmt: skip
"""One of these is in every secret's name, once all but letters is left out."""
_LOWER: Final = bytes(range(256)).lower()
_NOT_LETTERS: Final = bytes(byte for byte in range(256) if not chr(byte).isalpha() or byte > 127)
_SPLIT: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_GIVEN: Final = r"""["']?\s{0,3}[=:]\s{0,3}["']?([^\s"'&,;<>]{6,})"""
_GIVERS: Final = ("password", "passwd", "passphrase", "secret", "token", "api[_-]?key", "access[_-]?key")
_EDGE: Final = "(?<![A-Za-z0-9_-])"
_SHAPES: Final = tuple(
    (hint, re.compile(pattern))
    for hint, pattern in (
        ("sk-", _EDGE + "sk-[A-Za-z0-9_-]{16,}"),
        ("gh", _EDGE + "(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
        ("glpat-", _EDGE + "glpat-[A-Za-z0-9_-]{20,}"),
        ("xox", _EDGE + "xox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("akia", _EDGE + "AKIA[0-9A-Z]{16}"),
        ("asia", _EDGE + "ASIA[0-9A-Z]{16}"),
        ("aiza", _EDGE + "AIza[0-9A-Za-z_-]{35}"),
        ("eyj", _EDGE + r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
        (
            "private key",
            "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----END ))*"
            "(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?",
        ),
        ("bearer", r"(?i:bearer)\s{1,3}(?=[A-Za-z+/_.~=-]{0,200}[0-9])([A-Za-z0-9+/_.~=-]{8,})"),
        ("basic", r"(?i:basic)\s{1,3}(?=[A-Za-z+/_.~=-]{0,200}[0-9])([A-Za-z0-9+/_.~=-]{8,})"),
        ("@", r"(?<=://)([^\s/:@?#]{0,256}):([^\s/@?#]{1,256})(?=@)"),
        *((word[:6].partition("[")[0], f"(?i:{word})" + _GIVEN) for word in _GIVERS),
    )
)
"""A word in lower case that must be in the text, and the pattern that is then worth its time. Its groups are
the secrets in what it finds; without groups all of that is one."""
_HINTS: Final = tuple(dict.fromkeys(hint for hint, _ in _SHAPES))
_SHORTEST: Final = 6
"""`://a:b` is the shortest text with a shape."""
DENSE_LENGTH: Final = 24
"""Shorter texts are too short to tell random from made up."""
_DENSE: Final = re.compile(f"[A-Za-z0-9_+/=-]{{{DENSE_LENGTH},512}}")
_LONG_TOKEN: Final = re.compile(f'"[A-Za-z0-9_+/=-]{{{DENSE_LENGTH}}}')
_CLASSES: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "A" * 26 + "a" * 26 + "0" * 10, "_+/=-"
)


@lru_cache(maxsize=4_096)
def secret_name(name: str) -> bool:
    """Whether a value under this key is meant to be secret: `api_key`, `accessToken`, `X-Auth-Token` …"""
    if len(name) > 200:
        return False
    flat = name.lower()
    if not (flat.isascii() and flat.isalpha()):
        flat = _letters(name)
    if not _any_in(_STEMS, flat):
        return False
    words = [word.lower() for word in _SPLIT.findall(name)]
    return not _WORDS.isdisjoint(words) or _NAME.search("".join(words)) is not None


def maybe_named(text: str) -> bool:
    """A cheap look: False means that no name in this JSON text is a secret's."""
    return _any_in(_STEMS, _letters(text))


def _letters(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").translate(_LOWER, _NOT_LETTERS).decode("ascii")


def hinted(text: str) -> bool:
    """A cheap look: False means that no shape can be in there."""
    return _any_in(_HINTS, text.lower())


def _any_in(words: tuple[str, ...], text: str) -> bool:
    for word in words:  # noqa: SIM110 - a generator would cost three times as much, for every record
        if word in text:
            return True
    return False


class Look(NamedTuple):
    """A part of a text with the shape of a credential."""

    at: int
    text: str
    """With what tells that it is one, such as `password=`."""
    spans: tuple[tuple[int, int], ...]
    """Where in it the secrets stand."""

    @classmethod
    def all_of(cls, text: str) -> Look:
        return cls(0, text, ((0, len(text)),))


def telling(secret: str) -> bool:
    """Whether a secret may be looked for without what told that it is one. A plain word may not: after
    `password: string` every other `string` would go too."""
    return len(secret) >= _SHORTEST and not secret.isalpha()


def looks(text: str) -> list[Look]:
    """The parts of `text` with the shape of a credential; they may overlap."""
    if len(text) < _SHORTEST:
        return []
    lower = text.lower()
    return [_look(match) for hint, shape in _SHAPES if hint in lower for match in shape.finditer(text)]


def _look(match: re.Match[str]) -> Look:
    at = match.start()
    spans = [match.span(group) for group in range(1, match.re.groups + 1) if match[group]] or [match.span()]
    return Look(at, match[0], tuple((start - at, end - at) for start, end in spans))


def secret_parts(text: str) -> list[str]:
    """The parts of `text` with the shape of a credential, those that contain others first."""
    return sorted({look.text for look in looks(text)}, key=lambda part: (-len(part), part))


def maybe_dense(text: str) -> bool:
    """A cheap look: False means that no text in this JSON text is `dense`."""
    return _LONG_TOKEN.search(text) is not None


def dense(text: str) -> bool:
    """One long unbroken token that mixes cases and digits the way random text does and words do not."""
    if _DENSE.fullmatch(text) is None:
        return False
    classes = text.translate(_CLASSES)
    if not {"A", "a", "0"} <= set(classes):
        return False
    changes: int = sum(map(ne, classes, classes[1:]))
    # Random base62 changes class at 0.62 of its places, CamelCase identifiers and paths at about 0.3.
    return changes >= 0.4 * len(classes)
