"""Stopping: what runs may end, streams have an end, nothing waits for ever."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from mcpbridge.service.limits import Limits
from mcpbridge.service.running import running_in_thread
from tests.service.gated import SCRIPT as HOLDING
from tests.service.gated import Gate, gated
from tests.service.talking import events_in, openai_client

COMMAND = """
import sys
from mcpbridge.service.limits import Limits
from mcpbridge.service.running import serve
def ready(endpoint):
    print(endpoint.base_url, flush=True)
serve(sys.argv[1], limits=Limits(grace_seconds=600), on_ready=ready)
"""


@pytest.fixture
def gate() -> Generator[Gate, None, None]:
    with gated() as gate:
        yield gate


@pytest.fixture
def process() -> Generator[subprocess.Popen[str], None, None]:
    command = [sys.executable, "-c", COMMAND, HOLDING]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _posted(base_url: str, gate: Gate, **options: Any) -> httpx2.Response:
    body = {"model": "m", "input": "hold", "tools": [gate.declared()], **options}
    headers = {"authorization": "Bearer local-key"}
    return httpx2.post(f"{base_url}/responses", json=body, headers=headers, timeout=60)


def _base_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _refuses(base_url: str) -> bool:
    try:
        httpx2.get(f"{base_url}/models")
    except httpx2.ConnectError:
        return True
    return False


@pytest.mark.promise("service-stop")
@pytest.mark.parametrize("stream", [False, True])
def test_a_signal_closes_the_door_and_running_requests_end(
    process: subprocess.Popen[str], gate: Gate, stream: bool
) -> None:
    base_url = _base_url(process)
    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(_posted, base_url, gate, stream=stream)
        assert gate.began.wait(30)
        process.send_signal(signal.SIGTERM)
        while not _refuses(base_url):
            pass
        gate.release.set()
        answer = answering.result(30)
    response = events_in(answer.text)[-1]["response"] if stream else answer.json()
    assert response["status"] == "completed"
    assert response["output"][-1]["content"][0]["text"] == "held"
    assert process.wait(30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.promise("service-stop")
def test_a_request_that_has_not_arrived_whole_is_not_waited_for(process: subprocess.Popen[str]) -> None:
    address = httpx2.URL(_base_url(process))
    head = b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer local-key\r\n"
    with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
        connection.sendall(head + b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # from here the service waits for the body
        process.send_signal(signal.SIGTERM)
        assert connection.recv(100) == b""
        assert process.wait(30) == 0  # the grace period is 600 seconds
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.promise("service-stop")
def test_a_request_that_is_left_behind_is_told_so(process: subprocess.Popen[str], gate: Gate) -> None:
    base_url = _base_url(process)
    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(_posted, base_url, gate)
        assert gate.began.wait(30)
        process.send_signal(signal.SIGTERM)
        while not _refuses(base_url):
            pass
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    answer = answering.result(30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_stopped")
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


@pytest.mark.promise("service-stop")
def test_a_second_signal_ends_it_at_once_and_a_stream_says_so(
    process: subprocess.Popen[str], gate: Gate
) -> None:
    base_url = _base_url(process)
    with ThreadPoolExecutor(1) as pool:
        answering = pool.submit(_posted, base_url, gate, stream=True)
        assert gate.began.wait(30)
        process.send_signal(signal.SIGTERM)
        while not _refuses(base_url):
            pass
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        *_, error, last = events_in(answering.result(30).text)
    assert error["type"] == "error"
    assert error["message"] == "The service was stopped before the response was complete."
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert not gate.release.is_set()


@pytest.mark.promise("service-stop")
def test_background_work_is_cancelled_on_record_and_its_hosted_call_ends(gate: Gate) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        endpoint = stack.enter_context(running_in_thread(HOLDING, limits=Limits(grace_seconds=600)))
        with openai_client(endpoint) as client:
            tools: Any = [gate.declared()]
            begun = client.responses.create(model="m", input="hold", background=True, tools=tools)
        assert gate.began.wait(30)
        stored = endpoint.shelf.find(endpoint.clients.clients[0], begun.id)
        stopping = pool.submit(stack.close)
        while not endpoint.closing.is_set():
            pass
        gate.release.set()
        stopping.result(30)
    assert stored.body["status"] == "cancelled"
    assert [item["type"] for item in stored.body["output"]] == ["mcp_list_tools", "mcp_call"]
    assert gate.ended == 1


def test_what_does_not_end_is_left_behind_after_the_grace_period(gate: Gate) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        endpoint = stack.enter_context(running_in_thread(HOLDING, limits=Limits(grace_seconds=0)))
        answering = pool.submit(_posted, endpoint.base_url, gate, stream=True)
        assert gate.began.wait(30)
        stack.close()
        assert events_in(answering.result(30).text)[-1]["response"]["status"] == "failed"
