"""A value that may be a credential: text, a Secret, a template from YAML, or a callable asked at each use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mcpbridge.config.template import SecretTemplate
from mcpbridge.core.secret import Secret

Provided = str | Secret
CredentialCallable = Callable[[], Provided | Awaitable[Provided]]
"""Called for each use, without arguments; synchronous or not."""
HeaderValue = Provided | SecretTemplate | CredentialCallable


def wrapped(value: HeaderValue) -> HeaderValue:
    """Plain text as a Secret, so that no repr or traceback shows it."""
    return Secret(value) if isinstance(value, str) else value


def literal(value: HeaderValue) -> str:
    """What can be checked of it before it is used; nothing of what a callable will say."""
    match value:
        case str():
            return value
        case Secret():
            return value.reveal()
        case SecretTemplate():
            return value.skeleton
        case _:
            return ""
