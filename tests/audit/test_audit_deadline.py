"""A witness, or a time stamping authority, whose answer never ends."""

from __future__ import annotations

import pytest

from mcpbridge.audit.anchors import AnchorFailed
from mcpbridge.audit.anchors.http import post
from tests.dripping import dripping

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
