"""What a bridged server is reached with, and how much of it is taken in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcpbridge.core.offered import Offer
from mcpbridge.core.secret import Secret
from mcpbridge.ports import ServerAsked

if TYPE_CHECKING:
    import httpx2

Protocol = Literal["auto", "legacy", "2026-07-28"]
HttpTransport = Literal["streamable-http", "sse"]
Headers = Callable[[], Awaitable[Mapping[str, Secret]]]
"""The credential headers as they are now: asked for each request, one question at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAddress:
    """A server behind a URL that passed `config.urls.url_problem`."""

    url: str
    transport: HttpTransport = "streamable-http"
    headers: Headers | None = None
    auth: httpx2.Auth | None = None
    """Instead of `headers`: an object that authenticates requests itself, such as OAuth."""
    private_hosts: frozenset[str] = frozenset()
    """Names and addresses that may be private or link-local. A loopback host in `url` always may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StdioCommand:
    """A server that is a program, started by us and spoken to through its standard input and output."""

    command: tuple[str, ...]
    environment: Callable[[], Awaitable[Mapping[str, Secret]]] | None = None
    """Variables for the program, above the few that every program gets (PATH, HOME, …)."""
    folder: Path | None = None
    said: Callable[[str], None] | None = None
    """Gets each line of its standard error, without control characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a server may cost. Seconds and bytes."""

    connect: float = 30.0
    """To start or reach the server and agree on a protocol."""
    listing: float = 30.0
    """For all pages of its tools."""
    goodbye: float = 2.0
    """To close; then it is ended."""
    pages: int = 100
    tools: int = 2_000
    """More than that is no tool list; how many the model gets is for the configuration to say."""
    listing_bytes: int = 16 * 2**20
    """For one page of tools."""
    answer_bytes: int = 32 * 2**20
    """Read of one answer. A longer one has been made all the same, and is told as cut."""
    result_bytes: int = 262_144
    """Of text in one result, as the model gets it."""
    file_bytes: int = 8 * 2**20
    """Of one image, sound or file in a result; a larger one is named, not sent."""
    rounds: int = 10
    """Of questions that one call may put to a person."""
    backoff: float = 0.5
    """Seconds before the second try to connect; doubled each time."""
    backoff_most: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgedServer:
    """One server, as the toolbox needs it. `identity` holds no secret."""

    label: str
    identity: str
    address: HttpAddress | StdioCommand
    protocol: Protocol = "auto"
    elicitation: bool = True
    """Whether the server is told that it may ask a person something during a call."""
    sampling: bool = False
    """Whether it is told that it may ask for words of the model during a call."""
    roots: tuple[Path, ...] = ()
    """What it is told when it asks where it may work; where there are none, it may not ask."""
    noted: Callable[[ServerAsked], Awaitable[None]] | None = None
    """Puts on record what it asked for outside any call; None: there is no record here."""
    offer: tuple[Offer, ...] = ()
    """What a model may read of it through functions of ours."""
    bounds: Bounds = field(default_factory=Bounds)
