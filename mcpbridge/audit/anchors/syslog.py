"""Syslog: the local daemon, or one on another host, as RFC 3164 lines (RFC 6587 counted frames over TCP).

Only a daemon that sends on to another host, or keeps its files from this account, makes it an anchor outside
the account. Nothing is read back from here: give `mcpbridge audit verify --anchor` the file it was kept in.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from mcpbridge.audit.anchors.anchor import Point, anchor_line

_PRIORITY: Final = 10 * 8 + 5
"""Facility authpriv, severity notice (RFC 3164 §4.1.1)."""
_LOCAL: Final = ("/dev/log", "/var/run/syslog")
"""Linux, macOS."""
_PORT: Final = 514
_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogAnchor:
    """One message for each checkpoint."""

    address: str = ""
    """`udp://host:514`, `tcp://host:514`, or a socket's path; the local daemon when empty."""
    every: float = 0.0

    @property
    def name(self) -> str:
        return f"syslog {self.address}".rstrip()

    def publish(self, point: Point, /) -> None:
        message = f"<{_PRIORITY}>mcpbridge-audit: {anchor_line(point)}".encode()
        url = urlsplit(self.address)
        if url.scheme not in ("tcp", "udp"):
            _to_socket((self.address,) if self.address else _LOCAL, message)
            return
        host, port = url.hostname or "localhost", url.port or _PORT
        if url.scheme == "tcp":
            with socket.create_connection((host, port), timeout=_SECONDS) as stream:
                stream.sendall(b"%d %b" % (len(message), message))
            return
        family, kind, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as datagrams:
            datagrams.sendto(message, where)


def _to_socket(paths: tuple[str, ...], message: bytes) -> None:
    """To the first of the sockets that takes it. Raises OSError for the last when none does."""
    failure: OSError | None = None
    for path in paths:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
                local.settimeout(_SECONDS)
                local.connect(path)
                local.send(message)
                return
        except OSError as error:
            failure = error
    if failure is not None:
        raise failure
