"""A server's credentials, resolved for one request and put where the endpoint wants them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from mcpbridge.config.declaration import ServerDeclaration, is_bearer
from mcpbridge.config.headers import value_problem
from mcpbridge.config.profiles_model import AuthorizationIn
from mcpbridge.config.sources import SecretSources
from mcpbridge.config.template import SecretTemplate
from mcpbridge.config.values import CredentialCallable, HeaderValue
from mcpbridge.core.secret import Secret
from mcpbridge.errors import McpbridgeError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What goes into one `mcp` tool. Lives as long as the request."""

    headers: Mapping[str, Secret]
    authorization: Secret | None
    sensitive: tuple[Secret, ...]
    """Those that must be masked wherever they come back; plain literals of a YAML file are not among them."""


async def resolve_headers(declaration: ServerDeclaration, sources: SecretSources) -> dict[str, Secret]:
    """The declared headers, resolved now, in declared order. Raises MissingSecret or UsageError."""
    return {
        name: await _resolved(value, sources, f"{declaration.label}: headers.{name}")
        for name, value in declaration.headers.items()
    }


async def resolve_environment(
    declaration: ServerDeclaration, sources: SecretSources
) -> tuple[dict[str, Secret], tuple[Secret, ...]]:
    """The variables of a command's process, resolved now, and those of them that must be masked."""
    env = declaration.connection.env
    found = {
        name: await _resolved(value, sources, f"{declaration.label}: env.{name}")
        for name, value in env.items()
    }
    plain = {name for name, value in env.items() if isinstance(value, SecretTemplate) and value.literal}
    return found, tuple(value for name, value in found.items() if name not in plain)


async def resolve_authorization(declaration: ServerDeclaration, sources: SecretSources) -> Secret | None:
    """The declared `authorization` (a token without `Bearer`), resolved now."""
    if declaration.authorization is None:
        return None
    secret = await _resolved(declaration.authorization, sources, f"{declaration.label}: authorization")
    return _without_bearer(secret) if is_bearer(secret.reveal()) else secret


def _without_bearer(secret: Secret) -> Secret:
    return Secret(secret.reveal()[7:].strip(), parts=secret.parts)


async def resolve_credentials(
    declaration: ServerDeclaration, sources: SecretSources, *, authorization_in: AuthorizationIn
) -> Credentials:
    """Everything, in its place: the declaration's `authorization_in`, else the profile's given here.

    A connector knows the field only. A scheme other than Bearer cannot travel in the field: it stays a
    header, unless the declaration itself asks for the field, which is a UsageError.
    """
    headers = await resolve_headers(declaration, sources)
    token = await resolve_authorization(declaration, sources)
    sensitive = [headers[name] for name in declaration.credential_headers]
    if token is not None:
        sensitive.append(token)
    place = "field" if declaration.connector_id else declaration.authorization_in or authorization_in
    if place == "header" and token is not None:
        headers["Authorization"] = Secret(f"Bearer {token.reveal()}", parts=(token,))
        token = None
    elif place == "field" and token is None:
        token = _taken_from(headers, declaration)
    return Credentials(headers=headers, authorization=token, sensitive=tuple(sensitive))


def _taken_from(headers: dict[str, Secret], declaration: ServerDeclaration) -> Secret | None:
    name = next((name for name in headers if name.lower() == "authorization"), None)
    if name is None:
        return None
    if is_bearer(headers[name].reveal()):
        return _without_bearer(headers.pop(name))
    if declaration.authorization_in == "field":
        raise UsageError(
            f"{declaration.label}: authorization_in: field carries a Bearer token only, and headers.{name} "
            "has another scheme; write authorization_in: header"
        )
    return None


async def _resolved(value: HeaderValue, sources: SecretSources, where: str) -> Secret:
    if isinstance(value, SecretTemplate):
        # Files and keyrings can be slow; variables are not worth a thread.
        return await asyncio.to_thread(value.resolve, sources) if value.blocking else value.resolve(sources)
    if isinstance(value, str | Secret):
        return _checked(Secret(value) if isinstance(value, str) else value, where)
    raised = ""
    secret: Secret | None = None
    try:
        secret = await _asked(value, where)
    except McpbridgeError:
        raise
    except Exception as error:  # noqa: BLE001 # boundary: the caller's own code; its text may hold anything
        raised = type(error).__name__
    if secret is None:  # raised here, so that the failure's text does not become its context
        raise UsageError(f"{where}: the callable raised {raised}; nothing was sent")
    return _checked(secret, where)


async def _asked(value: CredentialCallable, where: str) -> Secret:
    # A frame of its own: the one that our errors carry along holds no credential in clear.
    made = cast("object", value())
    if inspect.isawaitable(made):
        made = await made
    if isinstance(made, str):
        return Secret(made)
    if not isinstance(made, Secret):
        raise UsageError(f"{where}: the callable returned {type(made).__name__}; return text or a Secret")
    return made


def _checked(secret: Secret, where: str) -> Secret:
    if not secret.reveal():
        raise UsageError(f"{where}: the callable returned nothing")
    problem = value_problem(secret.reveal())
    if problem:
        raise UsageError(f"{where}: {problem}")
    return secret
