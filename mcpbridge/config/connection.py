"""How mcpbridge itself connects to a server (`via: bridge`): transport, protocol, bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from mcpbridge.config.urls import looks_like_credential_name
from mcpbridge.config.values import HeaderValue, literal, wrapped
from mcpbridge.core.offered import Offer

Via = Literal["hosted", "bridge", "auto"]
"""Who connects: the model provider, mcpbridge, or the provider where its endpoint honours approvals."""
Transport = Literal["streamable-http", "sse"]
Protocol = Literal["auto", "legacy", "2026-07-28"]
WhoAnswers = Literal["ask", "refuse"]
WhoSamples = Literal["refuse", "ask", "review"]
"""`review`: a person is asked before the model is, and again before the server gets the answer."""

MAX_BRIDGED_LABEL: Final = 32
"""A bridged label begins the name of each of its functions, and those have 64 characters (Responses API)."""
MAX_TOOLS: Final = 128
"""Tools of one server. More in one request makes models choose badly, and most endpoints refuse it."""
MAX_RESULT: Final = 262_144
"""Bytes of one result that reach the model: some 60,000 tokens, half of many a model's window."""
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
HOST: Final = re.compile(r"[A-Za-z0-9.:-]+", re.ASCII)

_CREDENTIAL: Final = re.compile(
    r"://[^/?#@\s]*:[^/?#@\s]+@|(?i:\b(?:bearer|basic)\s+[\w+/.~=-]{8,})"
    r"|(?<![\w-])(?:sk-|gh[pousr]_|github_pat_|xox[abp]-|eyJ)[\w.-]{12,}",
    re.ASCII,
)
"""The password of a URL, as database servers take them; a header's credential; the beginnings of well-known
tokens."""
_POSITIVE: Final = (
    "connect_timeout", "call_timeout", "max_tools", "max_result", "sampling_max_tokens",
    "sampling_max_requests",
)  # fmt: skip

Complaint = tuple[tuple[str | int, ...], str]
"""Where in the declaration, and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Connection:
    """Everything about a bridged server but its label, its address and its headers. Times in seconds."""

    transport: Transport = "streamable-http"
    """For a url. `sse` is the older HTTP transport."""
    protocol: Protocol = "auto"
    """`legacy`: up to 2025-11-25, with a handshake and a session; auto asks the server."""
    env: Mapping[str, HeaderValue] = field(default_factory=dict[str, HeaderValue])
    """For a command: variables of its process, beside the few that every process needs."""
    cwd: Path | None = None
    """For a command: its folder; None is that of this process."""
    connect_timeout: float = 30.0
    """Until the server has answered and listed its tools. A first `npx` downloads, which takes longer."""
    call_timeout: float | None = None
    """For one call; None is `limits.tool_timeout`."""
    max_tools: int = MAX_TOOLS
    """A server that lists more is not offered; `allowed_tools` chooses among them."""
    max_result: int = MAX_RESULT
    """Bytes of a result; what is longer is cut, and the model is told."""
    idempotent: tuple[str, ...] = ()
    """Tools whose call may simply be made again when nobody knows whether it took effect."""
    allow_private: tuple[str, ...] = ()
    """Hosts of a url, or of a redirect, that may resolve to a private address."""
    elicitation: WhoAnswers = "ask"
    """What the server asks for in the middle of a call is put to a person, or refused."""

    offer: tuple[Offer, ...] = ()
    """What the model may read of the server through functions of ours: its resources, its prompts."""
    roots: tuple[Path, ...] = ()
    """Folders and files that the server is told of when it asks where it may work. None: it may not ask."""
    sampling: WhoSamples = "refuse"
    """A server's wish for words of the model is refused, or put to a person."""
    sampling_max_tokens: int = 1_024
    """Of the model's answer; a server that wants more gets these."""
    sampling_max_requests: int = 3
    """In one call. Each one is a person's time, and the model's."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "env", MappingProxyType({k: wrapped(v) for k, v in self.env.items()}))
        for name in ("idempotent", "allow_private", "offer", "roots"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def __repr__(self) -> str:
        names = ", ".join(self.env) or "none"
        return f"Connection(transport={self.transport!r}, protocol={self.protocol!r}, env: {names})"


def connection_complaints(connection: Connection, *, command: bool) -> Iterator[Complaint]:
    """What cannot be used of it; paths are keys of the declaration."""
    yield from _about_command(connection) if command else _about_url(connection)
    yield from _about_bounds(connection)
    yield from _about_names("idempotent", connection.idempotent)
    yield from _about_offer(connection.offer)
    yield from _about_roots(connection.roots)


def _about_url(connection: Connection) -> Iterator[Complaint]:
    for name in ("env", "cwd"):
        if getattr(connection, name):
            yield (name,), f"{name} is for a command; a url has none"
    for index, host in enumerate(connection.allow_private):
        if not HOST.fullmatch(host):
            yield ("allow_private", index), "write the name of a host, as it stands in the url"
    if connection.transport == "sse" and connection.protocol == "2026-07-28":
        yield ("protocol",), "the sse transport knows the legacy protocol only; remove one of them"


def _about_command(connection: Connection) -> Iterator[Complaint]:
    if connection.transport != "streamable-http":
        yield ("transport",), "a command speaks over its standard input and output; remove transport"
    if connection.allow_private:
        yield ("allow_private",), "a command has no host; remove it"
    if connection.cwd is not None and not connection.cwd.is_dir():
        yield ("cwd",), f"there is no folder {connection.cwd}; name one that is there"
    for name, value in connection.env.items():
        if not VARIABLE.fullmatch(name):
            yield ("env", name), "the name of a variable is letters, digits and _"
        elif "\0" in literal(value):
            yield ("env", name), "a variable holds no NUL character"


def _about_bounds(connection: Connection) -> Iterator[Complaint]:
    for name in _POSITIVE:
        value = getattr(connection, name)
        if value is not None and not value > 0:
            yield (name,), "write more than nothing"


def _about_names(key: str, names: Sequence[str]) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        if not name or not name.isprintable():
            yield (key, index), "a tool's name is not empty and holds no control characters"
        elif name in names[:index]:
            yield (key, index), f"the tool {name!r} stands twice; remove one"


def _about_offer(offers: Sequence[str]) -> Iterator[Complaint]:
    known = get_args(Offer)
    for index, offer in enumerate(offers):
        if offer not in known:
            yield ("offer", index), f"{offer[:40]!r} cannot be offered; write {' or '.join(known)}"
        elif offer in offers[:index]:
            yield ("offer", index), f"{offer} stands twice; remove one"


def _about_roots(roots: Sequence[Path]) -> Iterator[Complaint]:
    for index, root in enumerate(roots):
        if not root.is_absolute():
            yield ("roots", index), f"{root} is not absolute; write the whole path"
        elif not root.exists():
            yield ("roots", index), f"there is no {root}; name a folder or a file that is there"
        elif root in roots[:index]:
            yield ("roots", index), f"{root} stands twice; remove one"


def command_complaints(command: Sequence[str]) -> Iterator[Complaint]:
    """What cannot be started, and what must not stand where every process of this machine can read it."""
    if isinstance(command, str):
        yield ("command",), "write a list: [npx, -y, PACKAGE@VERSION]"
        return
    if not command or not command[0].strip():
        yield ("command",), "the first entry is the program"
    for index, word in enumerate(command):
        if not word.isprintable():
            yield ("command", index), "write each argument on one line, without control characters"
        elif "${" in word:
            yield (
                ("command", index),
                "a command line is readable to others and holds no ${…}; write env: {NAME: …}",
            )
        elif _credential(word, command[index + 1 :]):
            yield (
                ("command", index),
                "a command line is readable to others, so no credential stands in it; write env: {NAME: …}",
            )


def _credential(word: str, following: Sequence[str]) -> bool:
    """Whether an option is named like a credential and has a value, or a word looks like one itself."""
    if _CREDENTIAL.search(word):
        return True
    name, equals, value = word.partition("=")
    if not looks_like_credential_name(name.lstrip("-")):
        return False
    return bool(value) if equals else word.startswith("-") and bool(following)
