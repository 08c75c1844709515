"""Account numbers (IBAN, ISO 13616), written in one piece or in groups."""

from __future__ import annotations

import re
from typing import Final

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_GROUPS: Final = re.compile(r"(?<![^\W_])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![^\W_])", re.IGNORECASE)


def accounts_in(text: str) -> list[str]:
    """Compact and in capitals, and only those whose check digits are right."""
    return [account for found in _GROUPS.finditer(text) for account, _ in _readings(found[0])]


def joined(text: str) -> str:
    """The text with its account numbers in one piece each: a group of one is no word of its own."""
    return _GROUPS.sub(_join, text)


def _join(found: re.Match[str]) -> str:
    for account, length in reversed(_readings(found[0])):
        return account + found[0][length:]
    return found[0]


def _readings(text: str) -> list[tuple[str, int]]:
    """The account numbers that a run of groups can be, each with its length in the text: a word or an
    amount may follow one."""
    groups = text.upper().split(" ")
    found: list[tuple[str, int]] = []
    for count in range(1, len(groups) + 1):
        account = "".join(groups[:count])
        if _IBAN.fullmatch(account) and _checks(account):
            found.append((account, len(" ".join(groups[:count]))))
    return found


def _checks(iban: str) -> bool:
    digits = "".join(str(int(char, 36)) for char in iban[4:] + iban[:4])
    return int(digits) % 97 == 1
