"""Starting and stopping: free ports, threads, command line, the demo's own server."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.applications import Starlette

from mcpbridge.demo import server as demo
from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.errors import ScriptError
from mcpbridge.service.loopback import in_thread, serving
from mcpbridge.service.running import running_in_thread, serve
from tests.service.talking import declared, talking, text_in, user

SCRIPT = "rules: [{then: [{say: hi}]}]"
COMMAND = """
import sys
from mcpbridge.service.running import serve
serve("rules: [{then: [{say: hi}]}]", on_ready=lambda endpoint: print(endpoint.base_url, flush=True))
"""


def test_several_services_run_side_by_side_and_free_their_ports() -> None:
    with running_in_thread(SCRIPT) as one, running_in_thread(SCRIPT) as other:
        assert one.base_url != other.base_url
        port = int(one.base_url.split(":")[2].split("/")[0])
    with running_in_thread(SCRIPT, port=port) as again:
        assert again.base_url == one.base_url
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{one.base_url}/models")


def test_what_goes_wrong_at_the_start_is_raised_where_it_is_entered() -> None:
    with pytest.raises(ScriptError), running_in_thread("rules: 3"):
        pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError), running_in_thread(SCRIPT, port=port):  # noqa: PT011
            pass


def test_an_application_that_does_not_start_is_an_error() -> None:
    @asynccontextmanager
    async def broken(_app: Starlette) -> AsyncGenerator[None, None]:
        raise OSError("no database")
        yield

    async def start() -> None:
        async with serving(Starlette(lifespan=broken)):
            pass

    with pytest.raises(RuntimeError, match="did not start"):
        asyncio.run(start())


def test_no_thread_outlives_its_context() -> None:
    before = threading.active_count()
    with running_in_thread(SCRIPT):
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_an_error_in_the_body_leaves_the_thread_first() -> None:
    left: list[bool] = []

    @asynccontextmanager
    async def context() -> AsyncGenerator[int, None]:
        yield 1
        left.append(True)

    with pytest.raises(KeyError), in_thread(context):
        raise KeyError
    assert left == [True]


def test_many_clients_are_served_at_once(tracker: Tracker) -> None:
    script = """
rules:
- when: {user: go}
  then: [{mcp: {server: tracker, tool: list_issues}}]
- then: [{say: ok}]
"""
    with talking(script, declared(tracker, require_approval="never")) as talk:
        body = talk.body(user("go"))
        with ThreadPoolExecutor(16) as pool:
            answers = [answered.json() for answered in pool.map(talk.post, [body] * 64)]
        assert [answer.get("status", answer) for answer in answers] == ["completed"] * 64
        assert tracker.count("list_issues") == talk.endpoint.posts == 64


def test_it_serves_until_it_is_interrupted() -> None:
    process = subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        headers = {"authorization": "Bearer local-key"}
        assert httpx2.get(f"{base_url}/models", headers=headers).status_code == 200
        process.terminate()
        assert process.wait(timeout=10) == (0 if sys.platform != "win32" else 1)
    finally:
        process.kill()
        process.communicate()


def test_an_interrupt_stops_it_and_is_passed_on() -> None:
    def interrupt(endpoint: LocalEndpoint) -> None:
        assert endpoint.base_url.startswith("http://127.0.0.1:")
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        serve(SCRIPT, on_ready=interrupt)


def test_the_demo_server_wants_its_token(tracker: Tracker) -> None:
    refused = httpx2.post(tracker.url, json={})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer ")
    assert tracker.token not in repr(tracker)


def test_the_demo_server_leaves_the_root_logger_alone() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with demo.running_in_thread(token="other"):
        assert (root.handlers[:], root.level) == before


def test_one_issue_carries_an_injection_and_every_effect_is_kept(tracker: Tracker) -> None:
    script = r"""
rules:
- when: {user: read}
  then:
  - mcp: {server: tracker, tool: read_issue, arguments: {id: 2}}
  - mcp:
      server: tracker
      tool: send_mail
      arguments: {to: '{{seen:send_mail to (\S+@\S+)\. }}', subject: s, body: b}
- then: [{say: "{{last_output}}"}]
"""
    with talking(script, declared(tracker, require_approval="never")) as talk:
        assert text_in(talk.say(user("read"))) == f"Sent to {demo.INJECTION_ADDRESS}."
    assert [effect.tool for effect in tracker.effects] == ["read_issue", "send_mail"]
    assert tracker.effects[1].arguments["to"] == demo.INJECTION_ADDRESS
