"""Servers over HTTP: what a status, a lost connection, a redirect or a long answer means for one call."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.mcp_servers.settings import Bounds, HttpAddress
from mcpbridge.core.secret import Secret
from mcpbridge.errors import (
    AuthRefused,
    CallNotSent,
    CallTimedOut,
    OutcomeLost,
    RateLimited,
    ServerUnavailable,
    ToolsChanged,
)
from tests.mcp_servers.scene import call, toolbox
from tests.mcp_servers.web import Web, endless, error, events, said

Message = dict[str, Any]


@pytest.fixture(params=["legacy", "modern"])
def web(request: pytest.FixtureRequest, site: HTTPServer) -> Web:
    return Web(site, modern=request.param == "modern", session="s1" if request.param == "legacy" else "")


def status(number: int, **headers: str) -> Any:
    def answering(message: Message, request: Request) -> Response:
        return Response("no", status=number, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answering


@pytest.mark.promise("bridged-status")
@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (401, AuthRefused, r"srv: it wants a credential \(HTTP 401\) and none is configured"),
        (403, AuthRefused, r"srv: it does not permit echo \(HTTP 403\)"),
        (429, RateLimited, r"srv: it wants fewer requests \(HTTP 429\); nothing was done"),
        (413, CallNotSent, r"srv: it refused the request \(HTTP 413\); nothing was done"),
        (500, OutcomeLost, r"srv: it failed \(HTTP 500\); echo may have run"),
        (504, OutcomeLost, r"srv: it failed \(HTTP 504\); echo may have run"),
    ],
)
def test_the_status_of_a_refused_call_becomes_an_error_of_its_kind(
    web: Web, number: int, kind: type[Exception], words: str
) -> None:
    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            web.on["tools/call"] = status(number, Retry_After="7")
            with pytest.raises(kind, match=words) as caught:
                await call(box, "echo")
            assert getattr(caught.value, "status_code", None) == number
            if isinstance(caught.value, RateLimited):
                assert caught.value.retry_after == 7.0
            del web.on["tools/call"]
            assert (await call(box, "echo", {"a": 1})).parts == '{"a": 1}'

    asyncio.run(story())


@pytest.mark.promise("bridged-status")
def test_a_server_that_wants_a_credential_is_told_apart_from_one_that_is_gone(web: Web) -> None:
    web.on["server/discover"] = web.on["initialize"] = status(401)

    async def headers() -> Mapping[str, Secret]:
        return {"Authorization": Secret("Bearer old")}

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            with pytest.raises(AuthRefused, match=r"wants a credential \(HTTP 401\) and none is configured"):
                await box.tools()
        async with toolbox(HttpAddress(url=web.url, headers=headers)) as box:
            with pytest.raises(AuthRefused, match=r"it refused the credential \(HTTP 401\)"):
                await box.tools()

    asyncio.run(story())


@pytest.mark.promise("bridged-apart")
def test_a_call_that_fails_ends_no_other_call_on_the_same_connection(web: Web) -> None:
    """Naively, an exception in one POST cancels the SDK client and every call on it."""

    def answering(message: Message, request: Request) -> Response | Mapping[str, Any]:
        if message["params"]["arguments"].get("fail"):
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return said("fine")

    async def story() -> None:
        web.on["tools/call"] = answering
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            tasks = [asyncio.create_task(call(box, "echo", {"fail": n == 3})) for n in range(8)]
            await asyncio.wait(tasks)
            failed = [task.exception() for task in tasks if task.exception() is not None]
            assert [type(one) for one in failed] == [OutcomeLost]
            assert (await call(box, "echo")).parts == "fine"

    asyncio.run(story())


@pytest.mark.promise("bridged-lost")
@pytest.mark.parametrize(
    "forgets", [(404, -32600, "Session not found"), (400, -32000, "No valid session ID")]
)
def test_a_session_that_the_server_has_forgotten_is_opened_again(
    site: HTTPServer, forgets: tuple[int, int, str]
) -> None:
    """Naively, every later call fails with -32600 for ever."""
    web = Web(site, session="s1")
    number, code, words = forgets

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            first = await box.tools()
            web.session = "s2"

            def restarted(message: Message, request: Request) -> Response | Mapping[str, Any]:
                if request.headers["mcp-session-id"] != web.session:
                    return error(message, code, words, status=number)
                return said("fine")

            web.on["tools/call"] = restarted
            with pytest.raises(CallNotSent, match="srv: it has forgotten the session; nothing was done"):
                await call(box, "echo")
            with pytest.raises(ToolsChanged):
                await box.call("echo", {}, epoch=first.epoch, meta={}, seconds=9.0)
            assert (await call(box, "echo")).parts == "fine"
            assert (await box.tools()).epoch > first.epoch

    asyncio.run(story())


@pytest.mark.promise("bridged-lost")
def test_a_connection_that_breaks_before_the_answer_leaves_the_outcome_unknown(web: Web) -> None:
    def answering(message: Message, request: Request) -> Response:
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return Response(status=200)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            web.on["tools/call"] = answering
            with pytest.raises(OutcomeLost, match="echo may have run"):
                await call(box, "echo")
            del web.on["tools/call"]
            assert (await call(box, "echo")).parts == "{}"

    asyncio.run(story())


@pytest.mark.parametrize(
    "made",
    [
        Response("<html>hello</html>", content_type="text/html"),
        Response(status=202),
        Response("{", content_type="application/json"),
        Response("[]", content_type="application/json"),
    ],
    ids=["html", "accepted", "half", "no-json-rpc"],
)
def test_an_answer_that_is_no_answer_leaves_the_outcome_unknown(web: Web, made: Response) -> None:
    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            web.on["tools/call"] = lambda message, request: made
            with pytest.raises(OutcomeLost, match="echo may have run"):
                await call(box, "echo")

    asyncio.run(story())


@pytest.mark.promise("bridged-unsent")
def test_a_server_that_is_gone_was_provably_not_called(site: HTTPServer) -> None:
    web = Web(site, modern=True)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            listing = await box.tools()
            site.stop()
            with pytest.raises(ServerUnavailable, match="srv: it cannot be reached"):
                await box.call("echo", {}, epoch=listing.epoch, meta={}, seconds=9.0)

    asyncio.run(story())


@pytest.mark.promise("bridged-cut")
@pytest.mark.parametrize("how", ["json", "events"])
def test_an_answer_over_a_mebibyte_is_read_up_to_our_own_bound(web: Web, how: str) -> None:
    """Naively, an event over 1 MiB fails on legacy HTTP, and JSON of any length is kept."""
    modern = {"resultType": "complete"} if web.modern else {}

    def answering(message: Message, request: Request) -> Response | Mapping[str, Any]:
        result = said("x" * message["params"]["arguments"]["size"])
        return events(message, modern | dict(result)) if how == "events" else result

    async def story() -> None:
        web.on["tools/call"] = answering
        bounds = Bounds(answer_bytes=4_000_000, result_bytes=3_000_000)
        async with toolbox(HttpAddress(url=web.url), bounds=bounds) as box:
            whole = await call(box, "echo", {"size": 2_000_000})
            assert (len(str(whole.parts)), whole.truncated) == (2_000_000, False)
            cut = await call(box, "echo", {"size": 5_000_000})
            assert (cut.is_error, cut.truncated) == ("invalid", True)
            assert "echo ran, but its result has more than 4,000,000 bytes" in str(cut.parts)
            assert (await call(box, "echo", {"size": 1})).parts == "x"

    asyncio.run(story())


@pytest.mark.promise("bridged-hostile")
def test_a_stream_without_an_end_is_left_by_its_size_or_by_the_clock(web: Web) -> None:
    def answering(message: Message, request: Request) -> Response:
        return Response(endless(b": nothing\n\n" * 1_000), content_type="text/event-stream")

    async def story() -> None:
        web.on["tools/call"] = answering
        async with toolbox(HttpAddress(url=web.url), bounds=Bounds(answer_bytes=1_000_000)) as box:
            assert (await call(box, "echo")).truncated
        async with toolbox(HttpAddress(url=web.url), bounds=Bounds(answer_bytes=2**40)) as box:
            with pytest.raises(CallTimedOut):
                await call(box, "echo", seconds=0.5)

    asyncio.run(story())


@pytest.mark.promise("bridged-hostile")
def test_a_redirect_into_the_private_network_is_not_followed(web: Web) -> None:
    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            web.on["tools/call"] = status(307, Location="http://169.254.169.254/latest/meta-data")
            with pytest.raises(
                ServerUnavailable, match=r"it redirects to another place .*169\.254\.169\.254"
            ):
                await call(box, "echo")

    asyncio.run(story())


def test_headers_are_asked_for_each_request_and_a_changed_one_is_tried_once_more(web: Web) -> None:
    asked: list[str] = []

    async def headers() -> Mapping[str, Secret]:
        asked.append(f"token-{len(asked)}")
        return {"Authorization": Secret(f"Bearer {asked[-1]}")}

    def answering(message: Message, request: Request) -> Response | Mapping[str, Any]:
        tried.append(request.headers["Authorization"])
        return said("fine") if len(tried) % 2 == 0 else Response("no", status=401)

    tried: list[str] = []

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url, headers=headers)) as box:
            await box.tools()
            web.on["tools/call"] = answering
            assert (await call(box, "echo")).parts == "fine"

    asyncio.run(story())
    assert len(tried) == 2
    assert tried[0] != tried[1]


@pytest.mark.promise("bridged-refresh")
def test_twenty_calls_that_need_a_new_token_ask_for_it_once(web: Web) -> None:
    """Naively, each of them refreshes, or they wait for each other's answers."""
    valid = ["old"]
    asked: list[str] = []
    together = threading.Barrier(20)

    async def headers() -> Mapping[str, Secret]:
        asked.append(valid[-1])
        for _ in range(500):  # passes of the loop: by then all calls of this moment want one
            await asyncio.sleep(0)
        return {"Authorization": Secret(f"Bearer {valid[-1]}")}

    def answering(message: Message, request: Request) -> Response | Mapping[str, Any]:
        if request.headers["Authorization"] == "Bearer new":
            return said("fine")
        together.wait(timeout=20)  # all of them are under way at once
        valid.append("new")
        return Response("no", status=401)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url, headers=headers)) as box:
            await box.tools()
            web.on["tools/call"] = answering
            asked.clear()
            answers = await asyncio.gather(*(call(box, "echo") for _ in range(20)))
            assert [answer.parts for answer in answers] == ["fine"] * 20
            assert asked == ["old", "new"]

    asyncio.run(story())
