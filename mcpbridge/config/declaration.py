"""One MCP server, as it is declared: in YAML, or constructed in Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Final, Literal

from mcpbridge.config.connection import (
    MAX_BRIDGED_LABEL,
    Complaint,
    Connection,
    Via,
    command_complaints,
    connection_complaints,
)
from mcpbridge.config.headers import name_problem, repeated_name, value_problem
from mcpbridge.config.oauth import OAuth, oauth_complaints
from mcpbridge.config.profiles_model import AuthorizationIn
from mcpbridge.config.template import SecretTemplate
from mcpbridge.config.urls import url_identity, url_problem
from mcpbridge.config.values import HeaderValue, literal, wrapped
from mcpbridge.core.offered import names
from mcpbridge.errors import UsageError

OnUnavailable = Literal["stop", "continue"]

LOCAL_LABEL: Final = "local"
"""Python functions are `local.NAME` in policies and in the audit, so no server may be called that."""
LABEL: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.:-]+", re.ASCII)


class DeclarationRefused(UsageError):
    """A server declaration that cannot be used; `complaints` holds each reason with the key it is about."""

    def __init__(self, label: str, complaints: tuple[Complaint, ...]) -> None:
        reasons = "; ".join(f"{'.'.join(map(str, path))}: {text}" for path, text in complaints)
        super().__init__(f"ServerDeclaration {label!r}: {reasons}")
        self.complaints = complaints


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServerDeclaration:
    """An MCP server. Exactly one of `url`, `command`, `connector_id`, `tunnel_id`. Raises UsageError.

    Values of `headers` and `authorization` are text, a Secret, a template from YAML, or a callable that
    is asked anew for each request; text is wrapped, so that no repr or traceback shows it.
    """

    label: str
    via: Via = "hosted"
    url: str | None = None
    command: tuple[str, ...] | None = None
    """A program and its arguments, for `via: bridge`: a server on standard input and output."""
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
    """What happens to the turn when this server's tools cannot be listed (hosted: HTTP 424)."""
    allow_http: bool = False
    connection: Connection = field(default_factory=Connection)
    """How mcpbridge connects, for `via: bridge`."""
    oauth: OAuth | None = None
    """How mcpbridge gets the access token itself; for a hosted server it is passed on as the credential."""
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
        headers = {name: wrapped(value) for name, value in self.headers.items()}
        object.__setattr__(self, "headers", MappingProxyType(headers))
        if self.authorization is not None:
            object.__setattr__(self, "authorization", wrapped(self.authorization))
        for name in ("allowed_tools", "command"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def identity(self) -> str:
        """What decisions are bound to: the URL (with a hash of its query), `stdio:COMMAND`, `connector:ID` or
        `tunnel:ID`. The same for a server whoever connects to it."""
        if self.url is not None:
            return url_identity(self.url)
        if self.command is not None:
            return f"stdio:{shlex.join(self.command)}"
        return f"connector:{self.connector_id}" if self.connector_id else f"tunnel:{self.tunnel_id}"

    @property
    def callable_tools(self) -> frozenset[str] | None:
        """Tools that a model may ask for: `allowed_tools`, and our functions that `offer` adds; None: all."""
        if self.allowed_tools is None:
            return None
        return frozenset(self.allowed_tools) | names(self.connection.offer)

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


def _complaints(server: ServerDeclaration) -> Iterator[Complaint]:
    yield from _about_label(server)
    yield from _about_address(server)
    yield from _about_headers(server.headers)
    yield from _about_authorization(server)
    yield from _about_oauth(server)
    yield from _about_tools(server.allowed_tools)
    yield from _about_way(server)


def _about_label(server: ServerDeclaration) -> Iterator[Complaint]:
    label = server.label
    if not LABEL.fullmatch(label):
        yield ("label",), "a label is 1 to 64 letters, digits and -"
    elif label == LOCAL_LABEL:
        yield ("label",), "'local' is reserved for Python functions; write another label"
    elif server.via != "hosted" and len(label) > MAX_BRIDGED_LABEL:
        why = "at most {} characters: it begins the names that a bridged server's tools have for the model"
        yield ("label",), why.format(MAX_BRIDGED_LABEL)


def _about_address(server: ServerDeclaration) -> Iterator[Complaint]:
    names = ("url", "command", "connector_id", "tunnel_id")
    given = [name for name in names if getattr(server, name) is not None]
    if not given:
        yield (), "a server needs a url (or a command, a connector_id, or a tunnel_id)"
    for name in given[1:]:
        yield (name,), f"write {given[0]} or {name}, not both"
    if server.url is not None:
        problem = url_problem(server.url, allow_http=server.allow_http)
        if problem:
            yield ("url",), problem
    if server.command is not None:
        yield from command_complaints(server.command)
    for name in ("connector_id", "tunnel_id"):
        value = getattr(server, name)
        if value is not None and not IDENTIFIER.fullmatch(value):
            yield (name,), "an id is letters, digits and _ . : - only"


def _about_way(server: ServerDeclaration) -> Iterator[Complaint]:
    """What does not fit together with `via`."""
    if server.via == "hosted":
        yield from _about_hosted(server)
        return
    wrong = dict(_NOT_BRIDGED)
    if server.via == "bridge":
        wrong |= dict.fromkeys(_HOSTED_ONLY, "this is for hosted servers; remove it")
    if server.command is not None:
        wrong |= dict.fromkeys(("headers", "authorization"), "a command has none; write env: {NAME: …}")
    yield from (((key,), why) for key, why in wrong.items() if getattr(server, key))
    if server.via == "auto" and server.command is not None:
        yield ("via",), "a command can only be bridged; write via: bridge"
    yield from connection_complaints(server.connection, command=server.command is not None)


_HOSTED_ONLY: Final = ("defer_loading", "authorization_in")
_NOT_BRIDGED: Final = {
    "connector_id": "a connector is the provider's to connect to; write via: hosted",
    "tunnel_id": "a tunnel is the provider's to connect to; write via: hosted",
    "observe": "observe is for hosted servers; here an allow rule of a policy says what runs unasked",
}


def _about_hosted(server: ServerDeclaration) -> Iterator[Complaint]:
    if server.command is not None:
        yield ("command",), "no provider can start a command; write via: bridge"
        return
    for key in _set(server.connection):
        yield (key,), f"{key} is for a server that mcpbridge connects to; write via: bridge"


def _set(connection: Connection) -> Iterator[str]:
    """The keys that stand there, as far as they say anything else than what holds without them."""
    plain = Connection()
    names = (one.name for one in fields(Connection))
    return (name for name in names if getattr(connection, name) != getattr(plain, name))


def _about_headers(headers: Mapping[str, HeaderValue]) -> Iterator[Complaint]:
    for name, value in headers.items():
        problem = name_problem(name) or value_problem(literal(value))
        if problem:
            yield ("headers", name), problem
    repeated = repeated_name(headers)
    if repeated:
        yield ("headers", repeated), f"the header {repeated} stands twice (case does not count); remove one"


def _about_authorization(server: ServerDeclaration) -> Iterator[Complaint]:
    name = next((name for name in server.headers if name.lower() == "authorization"), None)
    if server.authorization is None:
        written = literal(server.headers[name]) if name else ""
        if server.authorization_in == "field" and _other_scheme(written):
            yield (
                ("authorization_in",),
                "the field carries a Bearer token only; write authorization_in: header",
            )
        return
    if name:
        yield ("authorization",), f"the credential stands in headers.{name} too; remove one of them"
    problem = value_problem(literal(server.authorization))
    if problem:
        yield ("authorization",), problem
    if is_bearer(literal(server.authorization)):
        yield ("authorization",), "write the token alone; Bearer is added where it is needed"


def _about_oauth(server: ServerDeclaration) -> Iterator[Complaint]:
    if server.oauth is None:
        return
    if server.url is None:
        yield ("oauth",), "oauth is for a server with a url; remove it"
    if server.authorization is not None or any(name.lower() == "authorization" for name in server.headers):
        yield (
            ("oauth",),
            "there is another credential already (authorization or a header); remove one of them",
        )
    yield from ((("oauth", *path), why) for path, why in oauth_complaints(server.oauth))


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


def is_bearer(value: str) -> bool:
    """Whether a header value uses the Bearer scheme; case does not count (RFC 9110, section 11.1)."""
    return value[:7].lower() == "bearer "


def _other_scheme(value: str) -> bool:
    return re.match(r"[A-Za-z-]+ ", value) is not None and not is_bearer(value)
