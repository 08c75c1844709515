"""Header names and values: what may be sent at all, and what must not stand in a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from mcpbridge.config.template import SecretTemplate, has_control
from mcpbridge.config.urls import looks_like_credential_name

HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, section 5.6.2."""
_CREDENTIAL_NAMES: Final = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "apikey"})
_CREDENTIAL_VALUE: Final = re.compile(
    r"(bearer|basic|token)\s+\S|sk-|gh[pousr]_|github_pat_|xox[abp]-|eyJ", re.IGNORECASE
)
"""Authentication schemes, and the beginnings of well-known tokens."""


def name_problem(name: str) -> str | None:
    """Why a header's name is refused, or None."""
    if HEADER_NAME.fullmatch(name):
        return None
    return "a header's name is letters, digits and - only"


def value_problem(value: str) -> str | None:
    """Why a header's literal value is refused, or None. The value is not repeated."""
    if has_control(value):
        return "a header's value is one line without control characters"
    if value != value.strip():
        return "a header's value begins and ends without spaces"
    return None


def repeated_name(names: Iterable[str]) -> str | None:
    """The first name that occurs twice; case does not count."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            return name
        seen.add(name.lower())
    return None


def literal_credential(name: str, template: SecretTemplate) -> bool:
    """Whether a credential stands in the file itself instead of a reference to it."""
    literal = template.literal
    if not literal:
        return False
    named = name.lower() in _CREDENTIAL_NAMES or looks_like_credential_name(name)
    return named or _CREDENTIAL_VALUE.match(literal) is not None
