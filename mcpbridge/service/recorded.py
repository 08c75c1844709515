"""What clients sent to POST /v1/responses: for tests and for people who look at what their agent says."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpbridge.service.wire import Item, is_object

_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One POST /v1/responses as it came in."""

    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)

    @property
    def body(self) -> Item:
        """Parsed anew each time; empty when it was no JSON object."""
        try:
            body: object = json.loads(self.raw)
        except (ValueError, RecursionError):
            return {}
        return body if is_object(body) else {}


class RecordedRequests(deque[RecordedRequest]):
    """The last requests, bounded by number and by the bytes of their bodies; the oldest go first."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        self._bytes = 0

    def append(self, request: RecordedRequest, /) -> None:
        super().append(request)
        self._bytes += len(request.raw)
        while self and (len(self) > _MOST or self._bytes > self._max_bytes):
            self._bytes -= len(self.popleft().raw)
