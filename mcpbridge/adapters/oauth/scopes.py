"""Which scopes are asked for. An MCP server names some when it refuses a request, and in its metadata: it may
have a program collect rights that nobody meant it to have, since there no person sees a consent screen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

import httpx2

from mcpbridge.config.oauth import OAuth

_SCOPE: Final = re.compile(r'scope="?([\x21\x23-\x5b\x5d-\x7e ]+)"?')
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*")
"""What YAML reads as text without quotes; numbers and the like only lose theirs in a hint."""
_SHOWN: Final = 3
_LONGEST: Final = 60
"""Characters of a scope in a message: its server chose them."""


def wanted(refusal: httpx2.Response) -> tuple[str, ...]:
    """The scopes that a refusal names."""
    found = _SCOPE.search(refusal.headers.get("www-authenticate", ""))
    return tuple(found[1].split()) if found else ()


def of_program(oauth: OAuth, granted: str | None, refusal: httpx2.Response | None) -> str | None:
    """What `client_credentials` asks for: what is declared; after a refusal for want of rights also what was
    granted before (SEP-2350), and what the server names of `step_up`. Of a server that names nothing, all of
    `step_up`. None leaves it to the authorization server, which knows what the client is registered for."""
    if refusal is None or refusal.status_code != 403:
        return _joined(oauth.scopes)
    return _joined([*oauth.scopes, *(granted or "").split(), *(wanted(refusal) or oauth.step_up)])


def not_named(oauth: OAuth, refusal: httpx2.Response | None) -> str:
    """Why a program does not ask for what the server wants, with what to write; "" where it does."""
    if refusal is None or refusal.status_code != 403:
        return ""
    named = wanted(refusal)
    if not named and not oauth.step_up:
        return (
            "the server asks for more rights without naming them; if it may have more than scopes: of its "
            "oauth: names, write step_up: [SCOPE] there"
        )
    missing = [scope for scope in dict.fromkeys(named) if scope not in (*oauth.scopes, *oauth.step_up)]
    if not missing:
        return ""
    return (
        f"the server asks for the {_counted(missing)}, which its oauth: does not name; if it may have that, "
        f"write step_up: [{_listed([*oauth.step_up, *missing])}] there"
    )


def _joined(scopes: Sequence[str]) -> str | None:
    return " ".join(dict.fromkeys(scopes)) or None


def _counted(scopes: Sequence[str]) -> str:
    shown = [scope if len(scope) <= _LONGEST else f"{scope[:_LONGEST]}…" for scope in scopes[:_SHOWN]]
    if len(scopes) == 1:
        return f"scope {shown[0]}"
    if len(scopes) <= _SHOWN:
        return f"scopes {', '.join(shown[:-1])} and {shown[-1]}"
    return f"scopes {', '.join(shown)} and {len(scopes) - _SHOWN} more"


def _listed(scopes: Sequence[str]) -> str:
    """As YAML; a placeholder where it would be too long to read."""
    if len(scopes) > 2 * _SHOWN or any(len(scope) > _LONGEST for scope in scopes):
        return "SCOPE, …"
    return ", ".join(scope if _PLAIN.fullmatch(scope) else json.dumps(scope) for scope in scopes)
