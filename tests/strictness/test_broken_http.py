"""The same over a socket, where the HTTP around the answer may be broken too."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import openai
import pytest

from tests.strictness.broken_play import Play, Sent, check_end, played

ANSWERS: Final = 300
SHARDS: Final = 3


def _plain(rng: Random, data: bytes) -> bytes:
    return b"content-length: %d\r\n\r\n" % len(data) + data


def _wrong_length(rng: Random, data: bytes) -> bytes:
    length = max(0, len(data) + rng.choice((-20, -1, 1, 20, 10_000)))
    return b"content-length: %d\r\n\r\n" % length + data


def _chunked(rng: Random, data: bytes) -> bytes:
    size = rng.choice((10, 300))
    parts = [data[start : start + size] for start in range(0, len(data), size)][:2_000]
    return b"transfer-encoding: chunked\r\n\r\n" + b"".join(_chunk(part) for part in [*parts, b""])


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part)


def _broken_chunks(rng: Random, data: bytes) -> bytes:
    whole = _chunked(rng, data)
    at = rng.randint(30, len(whole))
    return whole[:at] + rng.choice((b"", b"zz\r\n", b"\r\n", b"FFFFFFFF\r\n")) + whole[at + 3 :]


def _until_closed(rng: Random, data: bytes) -> bytes:
    return b"connection: close\r\n\r\n" + data


def _two_lengths(rng: Random, data: bytes) -> bytes:
    return b"content-length: %d\r\ncontent-length: 5\r\n\r\n" % len(data) + data


def _odd_headers(rng: Random, data: bytes) -> bytes:
    return rng.choice((b"x\r\n", b": y\r\n", b"x: \xff\r\n", b"x: " + b"y" * 200_000 + b"\r\n")) + _plain(
        rng, data
    )


FRAMINGS: Final = (_plain, _wrong_length, _chunked, _broken_chunks, _until_closed, _two_lengths, _odd_headers)


def _framed(rng: Random, sent: Sent) -> bytes:
    head = f"HTTP/1.1 {sent.status} X\r\n".encode()
    head += b"".join(f"{name}: {value}\r\n".encode() for name, value in sent.headers.items())
    if not sent.broken:
        return head + _plain(rng, sent.data)
    whole = head + rng.choice(FRAMINGS)(rng, sent.data)
    match rng.randrange(8):
        case 0:
            return whole[: rng.randint(0, len(whole))]
        case 1:
            return rng.choice(
                (b"", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n", b"\x00\x01", b"HTTP/2 200\r\n")
            )
        case _:
            return whole


@asynccontextmanager
async def served(current: list[Play]) -> AsyncGenerator[str]:
    """The address of a server that answers as the current play says, one request to a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(int(length.partition(b":")[2]))
            writer.write(_framed(current[-1].rng, current[-1].next(body)))
            await writer.drain()
        except (ConnectionError, AssertionError):
            pass  # the client had enough, or the play has noted what was wrong
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/v1"


async def all_of(seeds: Sequence[int]) -> Counter[str]:
    ends: Counter[str] = Counter()
    current: list[Play] = []
    plain = openai.DefaultAsyncHttpxClient(verify=False, trust_env=False)
    async with (
        served(current) as url,
        openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0, http_client=plain) as client,
    ):
        for seed in seeds:
            current[:] = [Play(seed=seed)]
            try:
                ends[await played(current[0], client)] += 1
                check_end(current[0])
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise
    return ends


@pytest.mark.promise("broken-answers")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_broken_http_ends_in_a_typed_error_or_an_answer_and_has_no_effect_nobody_allowed(shard: int) -> None:
    ends = asyncio.run(all_of(range(1_000_000 + shard, 1_000_000 + ANSWERS, SHARDS)))

    assert ends.total() == ANSWERS // SHARDS
    assert ends["answered"] > 0
