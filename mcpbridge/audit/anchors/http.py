"""One POST, to witnesses and time stamping authorities. No redirects: a checkpoint goes where it was sent.

A deadline for all of it: each byte of an answer may be in time, and the answer still never end; and nobody
can stop a look-up of the host's name, or knows how many of its addresses are dead. So it is done in a thread
of its own, which is left alone when the time is over.
"""

from __future__ import annotations

import http.client
import socket
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from mcpbridge.audit.anchors.anchor import AnchorFailed

_SECONDS: Final = 15.0
_GRACE: Final = 0.05
"""Seconds for a connection that was shut in time to say so: then nothing of it is left over."""
_MAX_ANSWER: Final = 1 << 20
LATE: Final = "its answer had not come in full after %g s"


class Answer(NamedTuple):
    """What came back."""

    status: int
    kind: str
    """The content type, without its parameters."""
    body: bytes


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class _Deadline:
    """After so many seconds, the connections that were made until then are shut, whoever waits for them."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self.over = False

    def watch(self, connected: socket.socket) -> None:
        # A copy: TLS goes on with the same connection under another object.
        self._sockets.append(connected.dup())
        if self.over:
            self._end()

    def _end(self) -> None:
        self.over = True
        for each in self._sockets:
            with suppress(OSError):  # it is shut already
                each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        for each in self._sockets:
            each.close()


class _Watched(http.client.HTTPConnection):
    """Shut when the deadline is over, also while TLS is agreed on, or a proxy is asked to lead on."""

    deadline: _Deadline

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "sock" and type(value) is socket.socket:  # as soon as there is one; TLS has its own type
            self.deadline.watch(value)


class _WatchedTls(http.client.HTTPSConnection, _Watched):
    pass


class _Http(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._plain, req)

    def _plain(self, host: str, /, **more: Any) -> _Watched:
        connection = _Watched(host, **more)
        connection.deadline = self._deadline
        return connection


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._tls, req)

    def _tls(self, host: str, /, **more: Any) -> _WatchedTls:
        connection = _WatchedTls(host, **more)
        connection.deadline = self._deadline
        return connection


def post(
    url: str, body: bytes, kind: str, *, seconds: float = _SECONDS, all_of: float | None = None
) -> Answer:
    """The answer, whatever its status. Raises AnchorFailed when there is none within so many seconds.

    `all_of`: what those are the rest of, for the sentence that says so."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise AnchorFailed(f"{url} is no address; write https://…")
    request = urllib.request.Request(url, data=body, headers={"Content-Type": kind}, method="POST")  # noqa: S310 - checked above
    posted = _Posted(request, seconds)
    posted.join(seconds + _GRACE)
    found = posted.found
    if found is None or posted.over:  # where it came too late, it may not be all of the answer
        raise AnchorFailed(f"{url} does not answer: {LATE % (all_of or seconds)}")
    if isinstance(found, Exception):
        raise AnchorFailed(f"{url} does not answer: {getattr(found, 'reason', None) or found}") from found
    return found


class _Posted(threading.Thread):
    """A daemon, so that a name server that hangs cannot keep the process from ending."""

    def __init__(self, request: urllib.request.Request, seconds: float) -> None:
        """Raises AnchorFailed."""
        super().__init__(name="mcpbridge-post", daemon=True)
        self._request, self._seconds = request, seconds
        self.over = False
        self.found: Answer | Exception | None = None
        try:
            self.start()
        except RuntimeError as error:
            raise AnchorFailed(f"{request.full_url} cannot be asked: {error}") from error

    def run(self) -> None:
        with _Deadline(self._seconds) as deadline:
            try:
                found: Answer | Exception = _answer(self._request, deadline, self._seconds)
            except (OSError, http.client.HTTPException, ValueError) as error:
                found = error
            self.over = deadline.over
        self.found = found


def _answer(request: urllib.request.Request, deadline: _Deadline, seconds: float) -> Answer:
    opener = urllib.request.build_opener(_Stay, _Http(deadline), _Https(deadline))
    try:
        with opener.open(request, timeout=seconds) as answer:
            return Answer(answer.status, answer.headers.get_content_type(), answer.read(_MAX_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers.get_content_type(), error.read(_MAX_ANSWER))
