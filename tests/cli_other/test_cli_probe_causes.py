"""The real cause is found wherever the SDK and its groups have put it."""

from __future__ import annotations

import asyncio
import ssl

import httpx2
import pytest

from mcpbridge.cli.probe_causes import Seen, cause

URL = "https://mcp.example:8443/mcp"


def chained(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def certificate_refused() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("verify failed")
    error.verify_message = "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (chained(httpx2.ConnectError("x"), certificate_refused()), "certificate has expired"),
        (httpx2.ProxyError("407 Proxy Authentication Required"), "the proxy of the environment refuses"),
        (httpx2.ConnectError("no route to host"), "no connection: no route to host"),
        (httpx2.ReadTimeout("slow"), "no answer within 5 s"),
        (
            ExceptionGroup("a", [ExceptionGroup("b", [ConnectionRefusedError()])]),
            "nothing listens at mcp.example:8443",
        ),
        (ExceptionGroup("a", [ValueError("odd\nanswer " + "x" * 400)]), "(ValueError: odd answer xxx"),
        (asyncio.CancelledError(), "it does not keep to the MCP protocol (CancelledError: )"),
    ],
)
def test_the_cause_is_one_sentence(error: BaseException, said: str) -> None:
    sentence = cause(error, Seen(), url=URL, timeout=5.0, credential=False)

    assert said in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_only_answers_to_posts_count() -> None:
    seen = Seen()

    async def look() -> None:
        for method, status in (("POST", 200), ("GET", 405), ("DELETE", 404)):
            await seen.response(httpx2.Response(status, request=httpx2.Request(method, URL)))

    asyncio.run(look())
    assert seen.status == 200


def test_a_refusal_in_the_protocol_is_no_refusal_of_http() -> None:
    seen = Seen()
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no"}}
    asyncio.run(seen.response(httpx2.Response(400, json=body, request=httpx2.Request("POST", URL))))

    sentence = cause(ValueError("x"), seen, url=URL, timeout=5.0, credential=False)

    assert "HTTP 400" not in sentence
