"""What the service takes in at once is bounded: unfinished background responses, bodies, connections."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from openai import RateLimitError

from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.limits import Limits
from mcpbridge.service.running import running_in_thread
from tests.service.gated import SCRIPT as HOLDING
from tests.service.gated import gated
from tests.service.talking import openai_client

SCRIPT = "rules: [{then: [{say: hi}]}]"
_BEGUN = (
    b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 200000000\r\nAuthorization: Bearer %s\r\n\r\n{"
)


@contextmanager
def begun(endpoint: LocalEndpoint, key: str) -> Generator[socket.socket, None, None]:
    """A request whose body has begun and does not come."""
    address = httpx2.URL(endpoint.base_url)
    with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
        connection.sendall(_BEGUN % key.encode())
        yield connection


@pytest.mark.promise("service-bounded")
def test_background_responses_that_have_not_ended_count_deleted_ones_too() -> None:
    limits = Limits(stored_bytes=100_000, background_running=1)
    text = "hold " + "x" * 40_000
    with gated() as gate, running_in_thread(HOLDING, limits=limits) as endpoint:
        tools: Any = [gate.declared()]
        with openai_client(endpoint) as client:

            def ask() -> Any:
                return client.responses.create(model="m", input=text, background=True, tools=tools)

            running, queued = ask(), ask()
            with pytest.raises(RateLimitError, match="Try again when some have ended, or cancel some"):
                ask()
            assert endpoint.shelf.size <= limits.stored_bytes
            assert gate.began.wait(30)
            client.responses.delete(running.id)
            with pytest.raises(RateLimitError):  # its hosted call runs, so it is still held
                ask()
            assert client.responses.cancel(queued.id).status == "cancelled"
            third = ask()
            gate.release.set()
            while client.responses.retrieve(third.id).status != "completed":
                pass


@pytest.mark.promise("service-bounded")
def test_a_stranger_is_refused_before_the_body_is_read() -> None:
    with running_in_thread(SCRIPT) as endpoint, begun(endpoint, "wrong") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
        assert [request.raw for request in endpoint.requests] == [b""]


@pytest.mark.promise("service-bounded")
def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    limits = Limits(body_seconds=0.01)
    with running_in_thread(SCRIPT, limits=limits) as endpoint, begun(endpoint, "local-key") as connection:
        answer = b"".join(iter(lambda: connection.recv(1000), b""))  # until it is closed
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.01 seconds; send it again" in answer


@pytest.mark.promise("service-bounded")
def test_more_connections_than_allowed_are_answered_with_503() -> None:
    url = "/healthz"
    with running_in_thread(SCRIPT, limits=Limits(connections=1)) as endpoint:
        origin = endpoint.base_url.removesuffix("/v1")
        with httpx2.Client() as first, httpx2.Client() as second:
            assert first.get(f"{origin}{url}").status_code == 200
            assert second.get(f"{origin}{url}").status_code == 503
            assert first.get(f"{origin}{url}").status_code == 200
