"""The `servers:` section: full declarations, shipped ones, and files, with keys of the entry on top."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, cast, get_args

from mcpbridge.config.command_text import as_list, as_words
from mcpbridge.config.connection import Connection, Protocol, Transport, Via, WhoAnswers, WhoSamples
from mcpbridge.config.declaration import (
    DeclarationRefused,
    OnUnavailable,
    ServerDeclaration,
)
from mcpbridge.config.files import joined, reader_of, text_of
from mcpbridge.config.keys import DECLARATION, SERVER
from mcpbridge.config.mistaken import KEYS, offer_meant, protocol_meant, transport_meant
from mcpbridge.config.oauth import GrantType, KeyAlgorithm, OAuth, TokenStore
from mcpbridge.config.oauth_keys import OAUTH
from mcpbridge.config.profiles import UNKNOWN
from mcpbridge.config.profiles_model import AuthorizationIn, Profile
from mcpbridge.config.reader import Reader, UsedAt
from mcpbridge.config.shipped import NotShipped, is_shipped_name, shipped
from mcpbridge.config.suggest import also
from mcpbridge.config.values import HeaderValue
from mcpbridge.core.offered import Offer

_UNREADABLE: Final = ("command",)
"""Stands for a command that was refused already, so that nothing is said about a server without one."""


@dataclass(frozen=True, slots=True)
class _Layers:
    """An entry over the file it uses: each key is read where it stands, the entry first, whole."""

    own: Reader
    used: Reader | None

    def at(self, key: str) -> Reader:
        return self.own if self.used is None or key in self.own.values else self.used


def read_servers(top: Reader, profile: Profile) -> tuple[ServerDeclaration, ...]:
    """All servers; duplicate labels are refused, and servers that the endpoint cannot or may not serve."""
    found: dict[str, ServerDeclaration] = {}
    for entry in top.children("servers", "write `use: NAME`, or label: and url:"):
        server = _server(entry)
        if server is None:
            continue
        _refuse_unproven(entry, server, profile)
        if server.label in found:
            first = found[server.label].origin
            entry.refuse(f"the label {server.label!r} is taken by {first}; write another label", "label")
        else:
            found[server.label] = server
    return tuple(found.values())


def _refuse_unproven(entry: Reader, server: ServerDeclaration, profile: Profile) -> None:
    if profile is UNKNOWN or server.via != "hosted":  # refused already, at model.profile; or not its matter
        return
    if not profile.hosted_mcp:
        entry.refuse(
            f"server {server.label!r}: the profile {profile.name!r} says that this endpoint cannot connect "
            "to MCP servers; write via: bridge here, or if it can, hosted_mcp: true under model.profile"
        )
    elif not profile.approvals_honoured and not server.observe:
        entry.refuse(
            f"server {server.label!r}: the profile {profile.name!r} does not say that approvals are "
            "honoured, so calls could run unasked; write via: bridge here; if you know that they are, write "
            "model.profile: {extends: openai, approvals_honoured: true}; to let them run unasked, write "
            "observe: true here"
        )


def _server(entry: Reader) -> ServerDeclaration | None:
    used = _used(entry) if entry.has("use") else None
    if used is None and entry.has("use"):
        return None
    layers = [entry] if used is None else [entry, used]
    for reader in layers:
        reader.only(*(SERVER if reader is entry else DECLARATION), meant=KEYS)
    return _declared(_Layers(entry, used))


def _used(entry: Reader) -> Reader | None:
    value = entry.text("use")
    if value is None:
        return None
    ready = is_shipped_name(value)
    found = _shipped_text(entry, value) if ready else text_of(entry, value, "use")
    if found is None:
        return None
    text, file, directory = found
    reader = reader_of(text, file=file, directory=directory, findings=entry.findings)
    if reader is None or not ready:
        return reader
    # Nobody edits a shipped file: what is missing is told at the line that uses it.
    return replace(reader, used_at=UsedAt(entry.file, entry.line("use"), f"use: {value}: "))


def _shipped_text(entry: Reader, name: str) -> tuple[str, str, Path] | None:
    try:
        text, file = shipped("servers", name)
    except NotShipped as error:
        entry.refuse(also(f"use: {error}", f"a file of your own is written as ./{name}.yaml"), "use")
        return None
    return text, file, entry.directory


def _declared(layers: _Layers) -> ServerDeclaration | None:
    problems = layers.own.findings.problems
    before = len(problems)
    label = layers.at("label").required("label", "write a label of letters, digits and -")
    headers: dict[str, HeaderValue] = {**layers.at("headers").templates("headers")}
    own = layers.own
    try:
        server = ServerDeclaration(
            label=label or "unnamed",
            via=layers.at("via").choice("via", get_args(Via), "hosted"),
            command=_command(layers.at("command")),
            url=layers.at("url").text("url"),
            connector_id=layers.at("connector_id").text("connector_id"),
            tunnel_id=layers.at("tunnel_id").text("tunnel_id"),
            description=layers.at("description").text("description"),
            headers=headers,
            authorization=layers.at("authorization").secret("authorization", "NAME"),
            authorization_in=layers.at("authorization_in").optional_choice(
                "authorization_in", get_args(AuthorizationIn)
            ),
            allowed_tools=layers.at("allowed_tools").texts("allowed_tools"),
            defer_loading=layers.at("defer_loading").flag("defer_loading"),
            observe=layers.at("observe").flag("observe"),
            trust_annotations=layers.at("trust_annotations").flag("trust_annotations"),
            on_unavailable=layers.at("on_unavailable").choice(
                "on_unavailable", get_args(OnUnavailable), "stop"
            ),
            allow_http=layers.at("allow_http").flag("allow_http"),
            connection=_connection(layers),
            oauth=_oauth(layers.at("oauth")),
            source=layers.at("source").text("source") or "",
            checked=layers.at("checked").text("checked") or "",
            origin=f"{own.file}:{own.line('label') if label and own.has('label') else own.line()}",
        )
    except DeclarationRefused as refused:
        _note(layers, refused, first=len(problems) == before)
        return None
    return server if len(problems) == before else None


def _command(reader: Reader) -> tuple[str, ...] | None:
    """What is no list is told once; the other keys are then read beside the command that was meant."""
    written = reader.values.get("command")
    words = as_words(written) if isinstance(written, str) else ()
    told = reader.texts("command", f"write {as_list(words) if words else '[PROGRAM, ARGUMENT]'}")
    return words or _UNREADABLE if told is None and reader.has("command") else told


def _connection(layers: _Layers) -> Connection:
    plain = Connection()
    env: dict[str, HeaderValue] = {**layers.at("env").templates("env")}
    at = layers.at
    offered = at("offer").texts("offer", offer_meant(at("offer").values.get("offer")))
    folder = at("cwd").text("cwd", "" if at("command").has("command") else None)
    return Connection(
        transport=at("transport").choice(
            "transport",
            get_args(Transport),
            plain.transport,
            partial(transport_meant, command=at("command").has("command")),
        ),
        protocol=at("protocol").choice("protocol", get_args(Protocol), plain.protocol, protocol_meant),
        env=env,
        cwd=None if folder is None else joined(at("cwd").directory, folder),
        connect_timeout=at("connect_timeout").duration("connect_timeout", plain.connect_timeout),
        call_timeout=at("call_timeout").duration("call_timeout", 0.0) or None,
        max_tools=at("max_tools").integer("max_tools", plain.max_tools),
        max_result=at("max_result").integer("max_result", plain.max_result),
        idempotent=at("idempotent").texts("idempotent") or (),
        allow_private=at("allow_private").texts("allow_private") or (),
        elicitation=at("elicitation").choice("elicitation", get_args(WhoAnswers), plain.elicitation),
        offer=cast("tuple[Offer, ...]", offered or ()),  # the declaration refuses others
        roots=tuple(
            joined(at("roots").directory, root).resolve() for root in at("roots").texts("roots") or ()
        ),
        sampling=at("sampling").choice("sampling", get_args(WhoSamples), plain.sampling),
        sampling_max_tokens=at("sampling_max_tokens").integer(
            "sampling_max_tokens", plain.sampling_max_tokens
        ),
        sampling_max_requests=at("sampling_max_requests").integer(
            "sampling_max_requests", plain.sampling_max_requests
        ),
    )


def _oauth(reader: Reader) -> OAuth | None:
    if "oauth" not in reader.values:
        return None
    own = reader.child("oauth")
    own.only(*OAUTH)
    plain = OAuth()
    return OAuth(
        grant=own.choice("grant", get_args(GrantType), plain.grant),
        client_id=own.text("client_id"),
        client_secret=own.secret("client_secret", "NAME"),
        private_key=own.secret("private_key", "NAME", lines=True),
        algorithm=own.choice("algorithm", get_args(KeyAlgorithm), plain.algorithm),
        scopes=own.texts("scopes") or (),
        step_up=own.texts("step_up") or (),
        issuer=own.text("issuer"),
        redirect_port=own.integer("redirect_port", plain.redirect_port, minimum=0),
        store=own.choice("store", get_args(TokenStore), plain.store),
    )


def _note(layers: _Layers, refused: DeclarationRefused, *, first: bool) -> None:
    for path, message in refused.complaints:
        if path:
            reader = layers.at(str(path[0]))
            reader.refuse(f"{reader.name(*path)}: {message}", *path)
        elif first:  # else what is missing may be what could not be read
            layers.own.refuse(f"{layers.own.name()}: {message}")
