"""One MCP server, as it is declared: in YAML, or constructed in Python."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from mcpbridge.config.headers import name_problem, repeated_name, value_problem
from mcpbridge.config.profiles_model import AuthorizationIn
from mcpbridge.config.template import SecretTemplate
from mcpbridge.config.urls import url_identity, url_problem
from mcpbridge.core.secret import Secret
from mcpbridge.errors import UsageError

Provided = str | Secret
CredentialCallable = Callable[[], Provided | Awaitable[Provided]]
"""Called for each request, without arguments; synchronous or not."""
HeaderValue = Provided | SecretTemplate | CredentialCallable

OnUnavailable = Literal["stop", "continue"]

LOCAL_LABEL: Final = "local"
"""Python functions are `local.NAME` in policies and in the audit, so no server may be called that."""
LABEL: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.:-]+", re.ASCII)

Complaint = tuple[tuple[str | int, ...], str]
"""Where in the declaration, and what is wrong with it."""


class DeclarationRefused(UsageError):
    """A server declaration that cannot be used; `complaints` holds each reason with the key it is about."""

    def __init__(self, label: str, complaints: tuple[Complaint, ...]) -> None:
        reasons = "; ".join(f"{'.'.join(map(str, path))}: {text}" for path, text in complaints)
        super().__init__(f"ServerDeclaration {label!r}: {reasons}")
        self.complaints = complaints


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServerDeclaration:
    """A hosted MCP server. Exactly one of `url`, `connector_id`, `tunnel_id`. Raises UsageError.

    Values of `headers` and `authorization` are text, a Secret, a template from YAML, or a callable that
    is asked anew for each request; text is wrapped, so that no repr or traceback shows it.
    """

    label: str
    url: str | None = None
    connector_id: str | None = None
    tunnel_id: str | None = None
    description: str | None = None
    headers: Mapping[str, HeaderValue] = field(default_factory=dict[str, HeaderValue])
    authorization: HeaderValue | None = None
    """An access token, without `Bearer`."""
    authorization_in: AuthorizationIn | None = None
    """Where the credential travels; None leaves it to the endpoint's profile."""
    allowed_tools: tuple[str, ...] | None = None
    """Only these tools; None means every tool the server lists."""
    defer_loading: bool = False
    observe: bool = False
    """Calls run without approval and are marked `observed` in the audit."""
    trust_annotations: bool = False
    """Rules of a policy may believe what this server says about its tools (`annotations:`)."""
    on_unavailable: OnUnavailable = "stop"
    """What happens to the turn when the provider cannot list this server's tools (HTTP 424)."""
    allow_http: bool = False
    source: str = ""
    """Where the facts of a ready declaration were read."""
    checked: str = ""
    """The date they were read."""
    origin: str = ""
    """`file:line` of the declaration; empty when it was made in Python."""

    def __post_init__(self) -> None:
        found = tuple(_complaints(self))
        if found:
            raise DeclarationRefused(self.label, found)
        wrapped = {name: _wrapped(value) for name, value in self.headers.items()}
        object.__setattr__(self, "headers", MappingProxyType(wrapped))
        if self.authorization is not None:
            object.__setattr__(self, "authorization", _wrapped(self.authorization))
        if self.allowed_tools is not None:
            object.__setattr__(self, "allowed_tools", tuple(self.allowed_tools))

    @property
    def identity(self) -> str:
        """What decisions are bound to: the URL (with a hash of its query), `connector:ID` or `tunnel:ID`."""
        if self.url is not None:
            return url_identity(self.url)
        return f"connector:{self.connector_id}" if self.connector_id else f"tunnel:{self.tunnel_id}"

    @property
    def credential_headers(self) -> frozenset[str]:
        """Names of headers whose value may be a credential; plain literals of a YAML file are none."""
        return frozenset(
            name
            for name, value in self.headers.items()
            if not (isinstance(value, SecretTemplate) and value.literal is not None)
        )

    def __repr__(self) -> str:
        names = ", ".join(self.headers) or "none"
        return f"ServerDeclaration(label={self.label!r}, identity={self.identity!r}, headers: {names})"


def _wrapped(value: HeaderValue) -> HeaderValue:
    return Secret(value) if isinstance(value, str) else value


def _complaints(server: ServerDeclaration) -> Iterator[Complaint]:
    yield from _about_label(server.label)
    yield from _about_address(server)
    yield from _about_headers(server.headers)
    yield from _about_authorization(server)
    yield from _about_tools(server.allowed_tools)


def _about_label(label: str) -> Iterator[Complaint]:
    if not LABEL.fullmatch(label):
        yield ("label",), "a label is 1 to 64 letters, digits and -"
    elif label == LOCAL_LABEL:
        yield ("label",), "'local' is reserved for Python functions; write another label"


def _about_address(server: ServerDeclaration) -> Iterator[Complaint]:
    names = ("url", "connector_id", "tunnel_id")
    given = [name for name in names if getattr(server, name) is not None]
    if not given:
        yield (), "a server needs a url (or a connector_id, or a tunnel_id)"
    for name in given[1:]:
        yield (name,), f"write {given[0]} or {name}, not both"
    if server.url is not None:
        problem = url_problem(server.url, allow_http=server.allow_http)
        if problem:
            yield ("url",), problem
    for name in names[1:]:
        value = getattr(server, name)
        if value is not None and not IDENTIFIER.fullmatch(value):
            yield (name,), "an id is letters, digits and _ . : - only"


def _about_headers(headers: Mapping[str, HeaderValue]) -> Iterator[Complaint]:
    for name, value in headers.items():
        problem = name_problem(name) or value_problem(_literal(value))
        if problem:
            yield ("headers", name), problem
    repeated = repeated_name(headers)
    if repeated:
        yield ("headers", repeated), f"the header {repeated} stands twice (case does not count); remove one"


def _about_authorization(server: ServerDeclaration) -> Iterator[Complaint]:
    name = next((name for name in server.headers if name.lower() == "authorization"), None)
    if server.authorization is None:
        literal = _literal(server.headers[name]) if name else ""
        if server.authorization_in == "field" and _other_scheme(literal):
            yield (
                ("authorization_in",),
                "the field carries a Bearer token only; write authorization_in: header",
            )
        return
    if name:
        yield ("authorization",), f"the credential stands in headers.{name} too; remove one of them"
    problem = value_problem(_literal(server.authorization))
    if problem:
        yield ("authorization",), problem
    if is_bearer(_literal(server.authorization)):
        yield ("authorization",), "write the token alone; Bearer is added where it is needed"


def _about_tools(tools: Sequence[str] | None) -> Iterator[Complaint]:
    if tools is None:
        return
    if isinstance(tools, str):
        yield ("allowed_tools",), "write a list of names, not one text"
        return
    if not tools:
        yield ("allowed_tools",), "the list is empty; name tools, or remove the server"
    for index, tool in enumerate(tools):
        if not tool or not tool.isprintable():
            yield ("allowed_tools", index), "a tool's name is not empty and holds no control characters"
        elif tool in tools[:index]:
            yield ("allowed_tools", index), f"the tool {tool!r} stands twice; remove one"


def _literal(value: HeaderValue) -> str:
    match value:
        case str():
            return value
        case Secret():
            return value.reveal()
        case SecretTemplate():
            return value.skeleton
        case _:
            return ""


def is_bearer(value: str) -> bool:
    """Whether a header value uses the Bearer scheme; case does not count (RFC 9110, section 11.1)."""
    return value[:7].lower() == "bearer "


def _other_scheme(value: str) -> bool:
    return re.match(r"[A-Za-z-]+ ", value) is not None and not is_bearer(value)
