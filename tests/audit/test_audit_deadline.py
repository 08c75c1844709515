"""A witness, or a time stamping authority, whose answer never ends."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.audit import read
from mcpbridge.audit.anchors import AnchorFailed, WitnessAnchor
from mcpbridge.audit.anchors.anchor import Point
from mcpbridge.audit.anchors.http import post
from mcpbridge.audit.keys import verifier_keys
from mcpbridge.audit.seal import Rhythm
from tests.dripping import dripping

from .logs import decision, written

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"


@pytest.mark.promise("audit-anchor-deadline")
@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (_ANSWER + b"\r\n", b"x"),
        (_ANSWER + b"content-length: 100000\r\n\r\n", b"x"),
        (_ANSWER + b"x-more: ", b"x"),
        (b"", b"H"),
        (b"HTTP/1.1 409 Conflict\r\ncontent-type: text/plain\r\n\r\n", b"1"),
    ],
    ids=["body", "body of known length", "headers", "status line", "refusal"],
)
def test_an_answer_that_drips_is_given_up(head: bytes, drop: bytes) -> None:
    with (
        dripping(head, drop) as url,
        pytest.raises(AnchorFailed, match=r"had not come in full after 0\.3 s"),
    ):
        post(url, b"", "text/plain", seconds=0.3)


@pytest.mark.promise("audit-anchor-deadline")
def test_tls_that_is_never_agreed_on_is_given_up() -> None:
    # The beginning of a record of 16,384 bytes, of which one comes at a time.
    with (
        dripping(b"\x16\x03\x03\x40\x00\x02", b"\x00", asked=False) as url,
        pytest.raises(AnchorFailed, match=r"had not come in full after 0\.3 s"),
    ):
        post(url.replace("http:", "https:"), b"", "text/plain", seconds=0.3)


@pytest.mark.promise("audit-anchor-deadline")
def test_a_name_that_is_never_resolved_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    try:
        with pytest.raises(AnchorFailed, match=r"had not come in full after 0\.3 s"):
            post("http://witness.example/log", b"", "text/plain", seconds=0.3)
    finally:
        over.set()


@pytest.mark.promise("audit-anchor-deadline")
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, a full queue refuses instead of hanging")
def test_a_name_of_many_dead_addresses_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    with socket.socket() as listener, ExitStack() as filling:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # more than are taken in: the next one gets no answer
            client = filling.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname())

        def dead(*_: object, **__: object) -> Iterator[object]:
            while not over.is_set():
                yield address

        monkeypatch.setattr(socket, "getaddrinfo", dead)
        try:
            with pytest.raises(AnchorFailed, match=r"had not come in full after 0\.3 s"):
                post("http://witness.example/log", b"", "text/plain", seconds=0.3)
        finally:
            over.set()


@pytest.mark.promise("audit-anchor-deadline")
def test_a_witness_that_always_wants_another_proof_has_one_deadline_for_all_its_answers(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    written(tmp_path, [decision(f"mcpr_{number}") for number in range(9)], rhythm=Rhythm(records=2))
    answered, sizes = threading.Event(), iter((2, 5, 8))

    def slow(_: Request) -> Response:
        answered.wait(0.25)
        return Response(str(next(sizes, 0)), 409)

    httpserver.expect_request("/add-checkpoint").respond_with_handler(slow)
    witness = WitnessAnchor(url=httpserver.url_for(""), key=verifier_keys(tmp_path)[0], seconds=0.6)
    note = next(record["note"] for record in reversed(list(read(tmp_path))) if record["type"] == "checkpoint")
    with pytest.raises(AnchorFailed, match=r"had not come in full after 0\.6 s"):
        witness.ask(Point.of(tmp_path, note), old=0)


def test_an_answer_in_time_is_the_answer() -> None:
    with dripping(_ANSWER + b"content-length: 3\r\n\r\nyes", b"") as url:
        assert post(url, b"", "text/plain") == (200, "text/plain", b"yes")


@pytest.mark.promise("audit-anchor-deadline")
def test_a_proxy_that_never_leads_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(b"", b"H") as proxy:
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(AnchorFailed, match=r"had not come in full after 0\.3 s"):
            post("https://witness.example/log", b"", "text/plain", seconds=0.3)
