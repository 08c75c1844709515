"""What the user wrote, prepared for one question: does this value stand in it, whole?

Token-wise: the value must be found between boundaries, never within a longer word, address, number or
path. The user's text is normalised (NFKC, white space, letter case of words and hosts); the value is
not, beyond letter case: one that would change under NFKC, holds invisible characters or mixes scripts
is not the user's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set
from decimal import Decimal
from functools import cached_property
from typing import Final

from mcpbridge.policy.said.accounts import accounts_in, joined
from mcpbridge.policy.said.amounts import amounts_in, read_amount
from mcpbridge.policy.said.boundaries import begins, ends, places
from mcpbridge.policy.said.links import numbers_in

Truth = bool | None

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
"""Nobody sees these; they are dropped from what the user wrote (and refused in a value)."""
_SPACE: Final = re.compile(r"\s+")
_MAX: Final = 2_000
"""Longer values are texts, not names or addresses; nobody dictates them whole."""
_SHORT: Final = 3
_FOLDABLE: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[.,]?")
"""Words only: their letter case carries nothing."""
_ADDRESS: Final = re.compile(r"[^\s@/]+@[^\s@/]+")
_URL: Final = re.compile(r"(https?)://([^/?#\s]+)(.*)", re.IGNORECASE)
_SCRIPTS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN"})
"""Scripts with letters that look alike."""


class UserWords:
    """The texts of one user, each looked at alone: a value does not stand in two of them at once."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = texts

    @cached_property
    def _plain(self) -> tuple[str, ...]:
        return tuple(map(_normal, self._texts))

    @cached_property
    def _folded(self) -> tuple[str, ...]:
        lowered = [text.lower() for text in self._plain]
        return tuple(
            low if len(low) == len(text) else text for low, text in zip(lowered, self._plain, strict=True)
        )

    @cached_property
    def _raw(self) -> tuple[str, ...]:
        return tuple(text.replace("\r\n", "\n") for text in self._texts)

    @cached_property
    def _amounts(self) -> tuple[frozenset[Decimal], frozenset[Decimal]]:
        found = [amounts_in(text) for text in self._plain]
        certain = frozenset(number for one, _ in found for number in one)
        return certain, frozenset(number for _, one in found for number in one) - certain

    @cached_property
    def _accounts(self) -> frozenset[str]:
        return frozenset(account for text in self._plain for account in accounts_in(text))

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return frozenset(number for text in self._texts for number in numbers_in(text))

    def hold_numbers(self, numbers: Set[str]) -> bool:
        """Whether all of these account, card and phone numbers were written."""
        return numbers <= self._numbers

    def hold_number(self, number: Decimal) -> Truth:
        """Undecided for what can be read in two ways (`1.125` is also a way to write 1125)."""
        if not self._texts:
            return None
        certain, doubtful = self._amounts
        return True if number in certain else None if number in doubtful else False

    def hold(self, value: str) -> Truth:
        """Undecided without a user's text, and for values too short to tell anything."""
        if not self._texts:
            return None
        if not presentable(value) or len(value) > _MAX:
            return False
        value = value.strip()
        number = read_amount(value)
        if number is not None and self.hold_number(number):
            return True
        if len(value) < _SHORT:
            return None if number is None else self.hold_number(number)
        if (value.isascii() and value.upper().replace(" ", "") in self._accounts) or self._hold_text(value):
            return True
        return None if number is not None and self.hold_number(number) is None else False

    def hold_link(self, link: str) -> bool:
        """A link or address, letter by letter: what is appended to one makes another."""
        return presentable(link) and any(
            begins(text, at) and ends(text, at + len(link), url=True)
            for text in self._plain
            for at in places(text, link)
        )

    def _hold_text(self, value: str) -> bool:
        if _SPACE.search(value.replace(" ", "")):  # line breaks mean something: as they are, or not at all
            return any(_stands_in(text, text, value) for text in self._raw)
        value = _SPACE.sub(" ", value)
        url = _URL.fullmatch(value)
        if url:
            return self._hold_url(url[1].lower() + "://", url[2].lower(), url[3])
        return any(
            _stands_in(plain, folded, value) for plain, folded in zip(self._plain, self._folded, strict=True)
        )

    def _hold_url(self, scheme: str, host: str, rest: str) -> bool:
        """The user may leave out `https://`, and a slash at the end; letter case counts after the host."""
        starts = [scheme + host, host] if scheme == "https://" else [scheme + host]
        rests = ["", "/"] if rest in ("", "/") else [rest]
        return any(
            plain.startswith(rest, at + len(start))
            and begins(folded, at)
            and ends(plain, at + len(start + rest), url=True)
            for plain, folded in zip(self._plain, self._folded, strict=True)
            for start in starts
            for at in places(folded, start)
            for rest in rests
        )


def presentable(value: str) -> bool:
    """No invisible or private characters, nothing that NFKC changes, no look-alikes within a word."""
    if value.isascii():
        return value.replace("\n", "").replace("\t", "").replace("\r", "").isprintable()
    if unicodedata.normalize("NFKC", value) != value:
        return False
    if any(unicodedata.category(char)[0] == "C" and char not in "\n\t\r" for char in value):
        return False
    return all(len(_scripts(word)) < 2 for word in value.split())


def _scripts(word: str) -> set[str]:
    names = {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()}
    return names & _SCRIPTS


def _normal(text: str) -> str:
    found = unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).replace("\u2212", "-")
    return joined(_SPACE.sub(" ", found))


def _stands_in(plain: str, folded: str, value: str) -> bool:
    """Whether the value stands in a text, whole; the letter case of plain words and addresses is nothing."""
    wanted = value.lower() if plain is not folded else value
    return any(
        begins(plain, at) and ends(plain, at + len(wanted)) and _same(plain[at : at + len(wanted)], value)
        for at in places(folded, wanted)
    )


def _same(written: str, value: str) -> bool:
    if written == value:
        return True
    pairs = zip(written.split(" "), value.split(" "), strict=False)
    return all(
        one == other or _FOLDABLE.fullmatch(other) or _ADDRESS.fullmatch(other) for one, other in pairs
    )
