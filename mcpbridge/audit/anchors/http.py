"""One POST, to witnesses and time stamping authorities. No redirects: a checkpoint goes where it was sent."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mcpbridge.audit.anchors.anchor import AnchorFailed

_SECONDS: Final = 10.0
_MAX_ANSWER: Final = 1 << 20


class Answer(NamedTuple):
    """What came back."""

    status: int
    kind: str
    """The content type, without its parameters."""
    body: bytes


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_Stay)


def post(url: str, body: bytes, kind: str, *, seconds: float = _SECONDS) -> Answer:
    """The answer, whatever its status. Raises AnchorFailed when there is none."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise AnchorFailed(f"{url} is no address; write https://…")
    request = urllib.request.Request(url, data=body, headers={"Content-Type": kind}, method="POST")  # noqa: S310 - checked above
    try:
        with _OPENER.open(request, timeout=seconds) as answer:
            return Answer(answer.status, answer.headers.get_content_type(), answer.read(_MAX_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers.get_content_type(), error.read(_MAX_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise AnchorFailed(f"{url} does not answer: {reason}") from error
