"""Whether what an index has read of a log is still what it read.

The last line of a segment stands through the chain for every line before it, as long as nobody changed one of
those in its place. So a segment whose file was touched since is gone through again, along its links; one that
was not is left alone. What a file's system says of it can be forged by its owner: `verify` is the real check.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from mcpbridge.audit.chain import link_of
from mcpbridge.audit.index.stand import Index, Known
from mcpbridge.audit.read import readable
from mcpbridge.audit.segments import opened
from mcpbridge.audit.tail import line_at, whole_lines
from mcpbridge.errors import AuditCorrupt


def stamps_of(directory: Path) -> Mapping[int, str]:
    """What changes with a segment's file, by the number of its first record. Raises AuditUnavailable."""
    with readable(directory) as path:
        return {link[1]: _stamp(fd) for _, fd in opened(path) if (link := _first_link(fd))}


def check_unchanged(directory: Path, index: Index) -> None:
    """Raises AuditCorrupt where a line that was indexed is another now, OSError."""
    for path, fd in opened(directory):
        link = _first_link(fd)
        known = index.known.get(link[1]) if link else None
        if known is not None and known.stamp != _stamp(fd):
            _go_through(fd, path.name, known)


def _go_through(fd: int, name: str, known: Known) -> None:
    prev, number = b"", 0
    for block in whole_lines(fd, 0, known.size):
        for line in block[:-1].split(b"\n"):
            number += 1
            if prev and not line.startswith(b'{"prev":"%b"' % prev):
                raise changed(f"{name} was changed at line {number - 1} or {number} since it was indexed")
            prev = sha256(b"\0" + line).hexdigest().encode()
    if prev.decode() != known.last_hash:
        raise changed(f"{name} was changed since it was indexed")


def changed(what: str) -> AuditCorrupt:
    """The sentence for it."""
    return AuditCorrupt(
        f"{what}, and no index is made of a log that was changed; run `mcpbridge audit verify`, and where "
        "that explains it, `mcpbridge audit index --rebuild`"
    )


def _first_link(fd: int) -> tuple[str, int] | None:
    return link_of(line_at(fd, 0, os.fstat(fd).st_size))


def _stamp(fd: int) -> str:
    found = os.fstat(fd)
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"
