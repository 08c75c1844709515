"""How requests leave: in one piece, and noted from the first byte that may have left."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.adapters.mcp_servers.wire import LEAVING, WireBackend

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def self_signed(folder: Path) -> Path:
    """A certificate for localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "localhost.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@asynccontextmanager
async def connected(handle: Handle) -> AsyncGenerator[httpcore2.AsyncNetworkStream, None]:
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        stream = await WireBackend().connect_tcp(host, port)
        try:
            yield stream
        finally:
            await stream.aclose()


def test_a_head_is_held_until_its_body_comes_and_the_request_has_begun_only_then() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(8))
        writer.close()

    async def story() -> None:
        sending = Sending(tool="echo")
        LEAVING.set(sending)
        async with connected(handle) as stream:
            await stream.write(b"head")
            held = sending.begun
            await stream.write(b"body")
            assert (held, sending.begun) == (False, True)
            assert await stream.read(100) == b"headbody"
            assert await stream.read(100) == b""

    asyncio.run(story())


def test_a_head_without_a_body_leaves_when_an_answer_is_awaited() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readexactly(4)).upper())
        writer.close()

    async def story() -> None:
        async with connected(handle) as stream:
            await stream.write(b"head")
            assert await stream.read(100) == b"HEAD"

    asyncio.run(story())


def test_a_connection_that_the_server_has_closed_is_told_as_such() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def story() -> None:
        async with connected(handle) as stream:
            assert await stream.read(100) == b""
            assert stream.get_extra_info("is_readable") is True

    asyncio.run(story())


def test_the_same_holds_within_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(8))
        await writer.drain()
        writer.close()

    async def story() -> None:
        sending = Sending(tool="echo")
        LEAVING.set(sending)
        async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=served) as server:
            host, port = server.sockets[0].getsockname()[:2]
            plain = await WireBackend().connect_tcp(host, port)
            trusting = ssl.create_default_context(cafile=str(certificate))
            stream = await plain.start_tls(trusting, server_hostname="localhost", timeout=10)
            try:
                assert not sending.begun
                await stream.write(b"head")
                await stream.write(b"body")
                assert sending.begun
                assert await stream.read(100) == b"headbody"
            finally:
                await stream.aclose()

    asyncio.run(story())


def test_a_certificate_that_nobody_vouches_for_ends_it_before_anything_has_left(tmp_path: Path) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(self_signed(tmp_path))

    async def story() -> None:
        sending = Sending(tool="echo")
        LEAVING.set(sending)
        async with await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0, ssl=served) as server:
            host, port = server.sockets[0].getsockname()[:2]
            plain = await WireBackend().connect_tcp(host, port)
            with pytest.raises(httpcore2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await plain.start_tls(ssl.create_default_context(), server_hostname="localhost", timeout=10)
        assert not sending.begun

    asyncio.run(story())


def test_nobody_listening_is_an_error_of_connecting() -> None:
    async def story() -> None:
        async with await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
        with pytest.raises(httpcore2.ConnectError):
            await WireBackend().connect_tcp("127.0.0.1", port)

    asyncio.run(story())
