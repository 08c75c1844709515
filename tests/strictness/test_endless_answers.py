"""An answer that does not end is given up after a fixed number of bytes, however it does not end."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

import httpx2
import pytest

from mcpbridge.adapters.responses import MAX_ANSWER
from mcpbridge.errors import ModelUnavailable
from mcpbridge.testing import MemoryAudit
from tests.engine.scene import policy, said
from tests.strictness.line import SERVERS, connected, engine

_MIB = 2**20
_EVENT = b'data: {"type": "x.delta", "delta": "' + b"y" * (_MIB - 40) + b'"}\n\n'


@dataclass(kw_only=True)
class Endless:
    """An answer in pieces, and how many of them were taken."""

    pieces: Iterable[bytes]
    headers: dict[str, str]
    taken: int = 0

    async def answer(self, _request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=self._sent(), headers=self.headers)

    async def _sent(self) -> AsyncGenerator[bytes]:
        for piece in self.pieces:
            self.taken += len(piece)
            yield piece


async def run_against(endless: Endless, *, stream: bool) -> None:
    async with connected(endless.answer) as client:
        made = engine(
            client,
            policy=policy(),
            tools=(),
            audit=MemoryAudit(),
            approver=None,
            stream=stream,
            servers=SERVERS[:1],
        )
        async for _ in made.turn(said()).advance():
            pass


@pytest.mark.promise("endless-answers")
@pytest.mark.parametrize(
    ("piece", "stream"),
    [
        (b" " * _MIB, False),
        (b"[" * _MIB, False),
        (b": " + b"x" * 99_997 + b"\n", True),
        (b"data: " * 99_999, True),
        (_EVENT, True),
    ],
    ids=["spaces", "brackets", "comments", "a line", "events"],
)
def test_an_answer_without_an_end_is_read_up_to_the_limit(piece: bytes, stream: bool) -> None:
    endless = Endless(pieces=itertools.repeat(piece), headers={})

    with pytest.raises(ModelUnavailable, match="longer than 64 MiB"):
        asyncio.run(run_against(endless, stream=stream))

    assert endless.taken <= MAX_ANSWER + 2 * len(piece)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_small_answer_that_unpacks_without_an_end_is_read_up_to_the_limit(stream: bool) -> None:
    bomb = gzip.compress(bytes(MAX_ANSWER + _MIB), compresslevel=1)
    endless = Endless(pieces=[bomb], headers={"content-encoding": "gzip"})

    with pytest.raises(ModelUnavailable, match="longer than 64 MiB"):
        asyncio.run(run_against(endless, stream=stream))
