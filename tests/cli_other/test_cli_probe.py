"""`mcpbridge servers probe`: what is found at real servers, and the real cause where it fails."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.cli.main import main
from mcpbridge.demo.server import Tracker
from tests.cli_other.shared import TOKEN, WriteConfig

Rpc = Callable[[dict[str, Any]], dict[str, Any] | None]


def bearer(variable: str = "TRACKER_TOKEN") -> str:
    return f"headers: {{Authorization: 'Bearer ${{env:{variable}}}'}}"


def serve_rpc(httpserver: HTTPServer, answer: Rpc) -> str:
    """An MCP server at /mcp made of one function; notifications get 202."""

    def handle(request: Request) -> Response:
        message = request.get_json()
        if "id" not in message:
            return Response(status=202)
        reply = {"jsonrpc": "2.0", "id": message["id"], **(answer(message) or {})}
        return Response(json.dumps(reply), content_type="application/json")

    httpserver.expect_request("/mcp", method="POST").respond_with_handler(handle)
    return httpserver.url_for("/mcp")


def old_server(list_tools: Callable[[dict[str, Any]], dict[str, Any]]) -> Rpc:
    """A server of the 2025 protocol."""

    def answer(message: dict[str, Any]) -> dict[str, Any]:
        match message["method"]:
            case "initialize":
                info = {"name": "old", "version": "1"}
                found: dict[str, Any] = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": info,
                }
                return {"result": found}
            case "tools/list":
                return {"result": list_tools(message.get("params") or {})}
            case _:
                return {"error": {"code": -32601, "message": "no such method"}}

    return answer


def probed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    code = main(["servers", "probe", "--json", *arguments])
    written = capsys.readouterr()
    assert written.err == ""
    return code, json.loads(written.out)["servers"]


def problem(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code, [server] = probed(capsys, *arguments)
    assert code == 1
    return str(server["problem"])


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_reachable_server_is_listed_with_an_estimate_of_its_tokens(
    write_config: WriteConfig, tracker: Tracker, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(f"{{label: tracker, url: '{tracker.url}', {bearer()}}}")

    code = main(["servers", "probe"])

    written = capsys.readouterr()
    assert (code, written.err) == (0, "")
    assert "4 tools, 4 allowed" in written.out
    assert "send_mail" in written.out
    assert "characters / 4 of the JSON that a model would see" in written.out
    assert TOKEN not in written.out
    assert tracker.count("send_mail") == 0


def test_tools_outside_allowed_tools_and_names_that_do_not_exist_are_marked(
    write_config: WriteConfig, tracker: Tracker, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(
        f"{{label: tracker, url: '{tracker.url}', authorization: '${{env:TRACKER_TOKEN}}', "
        "authorization_in: field, allowed_tools: [list_issues, read_isue]}"
    )

    assert main(["servers", "probe"]) == 0
    text = capsys.readouterr().out
    code, [server] = probed(capsys)

    assert "4 tools, 1 allowed" in text
    assert "not in allowed_tools" in text
    assert "MISSING  read_isue is in allowed_tools" in text
    assert code == 0
    assert server["missing"] == ["read_isue"]
    assert [tool["name"] for tool in server["tools"] if tool["allowed"]] == ["list_issues"]
    assert server["tokens"] == next(t["tokens"] for t in server["tools"] if t["name"] == "list_issues")


def test_a_wrong_token_and_a_missing_one_are_told_apart(
    write_config: WriteConfig, tracker: Tracker, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(
        f"{{label: wrong, url: '{tracker.url}', {bearer('WRONG_TOKEN')}}}",
        f"{{label: none, url: '{tracker.url}'}}",
    )

    code, [wrong, none] = probed(capsys)

    assert code == 1
    assert "HTTP 401 Unauthorized: the credential that is declared is not accepted" in wrong["problem"]
    assert "HTTP 401 Unauthorized: it wants a credential and none is declared" in none["problem"]
    assert "wrong-token" not in json.dumps(wrong)


def test_a_variable_that_is_not_set_is_told_with_its_line(
    write_config: WriteConfig, tracker: Tracker, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(f"{{label: tracker, url: '{tracker.url}', {bearer('NOT_SET')}}}")

    assert "mcpbridge.yaml:4: the environment variable NOT_SET is not set" in problem(capsys)


def test_a_failure_names_the_server_and_its_host_and_does_not_hide_the_others(
    write_config: WriteConfig, tracker: Tracker, closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(
        f"{{label: gone, url: 'http://127.0.0.1:{closed_port}/mcp'}}",
        f"{{label: tracker, url: '{tracker.url}', {bearer()}}}",
    )

    code = main(["servers", "probe"])

    out = capsys.readouterr().out
    assert code == 1
    assert f"gone at 127.0.0.1:{closed_port}: nothing listens at 127.0.0.1:{closed_port}" in out
    assert "connection refused" in out
    assert "4 tools" in out


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (302, "it redirects to another address"),
        (403, "HTTP 403 Forbidden"),
        (404, "there is nothing at this path"),
        (405, "takes no MCP requests"),
        (418, "the server refuses the request"),
        (429, "try again later"),
        (500, "HTTP 500 Internal Server Error: the server failed"),
        (503, "HTTP 503 Service Unavailable"),
        (599, "HTTP 599: the server failed"),
    ],
)
def test_the_status_of_http_is_told(
    write_config: WriteConfig,
    httpserver: HTTPServer,
    capsys: pytest.CaptureFixture[str],
    status: int,
    said: str,
) -> None:
    elsewhere = {"Location": "https://elsewhere.example/mcp"}
    httpserver.expect_request("/mcp").respond_with_data("", status=status, headers=elsewhere)
    write_config(f"{{label: web, url: '{httpserver.url_for('/mcp')}'}}")

    assert said in problem(capsys)


def test_a_web_page_is_no_mcp_server(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/mcp").respond_with_data("<html>", content_type="text/html; charset=utf-8")
    write_config(f"{{label: web, url: '{httpserver.url_for('/mcp')}'}}")

    assert "no MCP server: it answers with HTTP 200 and text/html" in problem(capsys)


def test_json_that_is_no_message_of_the_protocol_is_no_mcp_server(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/mcp").respond_with_json({"hello": "world"})
    write_config(f"{{label: web, url: '{httpserver.url_for('/mcp')}'}}")

    assert "no MCP server: its answer is no JSON-RPC message" in problem(capsys)


def test_a_result_of_another_shape_breaks_the_protocol(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve_rpc(httpserver, old_server(lambda _params: {"tools": "none"}))
    write_config(f"{{label: odd, url: '{url}'}}")

    found = problem(capsys)

    assert "it does not keep to the MCP protocol" in found
    assert "\n" not in found


def test_a_server_that_hangs_is_given_up_after_the_timeout(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    over = Event()

    def hang(_request: Request) -> Response:
        over.wait(20)
        return Response()

    httpserver.expect_request("/mcp").respond_with_handler(hang)
    write_config(f"{{label: slow, url: '{httpserver.url_for('/mcp')}'}}")
    try:
        assert "no answer within 0.3 s; --timeout gives it longer" in problem(capsys, "--timeout", "300ms")
    finally:
        over.set()


def test_a_server_that_closes_the_connection_is_told_as_that(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    from threading import Thread

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept_and_close() -> None:
            try:
                while True:
                    connection, _ = listening.accept()
                    connection.recv(1)
                    connection.close()
            except OSError:
                return

        Thread(target=accept_and_close, daemon=True).start()
        write_config(f"{{label: drops, url: 'http://127.0.0.1:{listening.getsockname()[1]}/mcp'}}")
        found = problem(capsys)
        listening.shutdown(socket.SHUT_RDWR)
    assert "the connection was closed before an answer came" in found


def test_http_behind_an_https_address_is_a_failure_of_tls(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/mcp").respond_with_data("")
    write_config(f"{{label: plain, url: '{httpserver.url_for('/mcp').replace('http:', 'https:')}'}}")

    assert "TLS failed" in problem(capsys)


def test_a_name_that_nobody_knows_is_told_as_dns(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config("{label: lost, url: 'https://no-such-host.invalid/mcp'}")

    assert "the name no-such-host.invalid cannot be resolved (DNS)" in problem(capsys)


def test_a_secret_that_the_server_echoes_is_masked(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve_rpc(httpserver, lambda _message: {"error": {"code": -32000, "message": f"bad {TOKEN}"}})
    write_config(f"{{label: echo, url: '{url}', {bearer()}}}")

    assert "it answers with the MCP error -32000: bad [secret]" in problem(capsys)


def test_a_secret_in_the_name_of_a_tool_is_masked(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tools = [{"name": f"get_{TOKEN}", "inputSchema": {"type": "object"}}]
    url = serve_rpc(httpserver, old_server(lambda _params: {"tools": tools}))
    write_config(f"{{label: echo, url: '{url}', {bearer()}}}")

    code, [server] = probed(capsys)

    assert code == 0
    assert server["protocol"] == "2025-06-18"
    assert [tool["name"] for tool in server["tools"]] == ["get_[secret]"]


def test_a_list_that_never_ends_is_read_for_a_hundred_pages(
    write_config: WriteConfig, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    pages: list[str] = []

    def page(params: dict[str, Any]) -> dict[str, Any]:
        pages.append(str(params.get("cursor")))
        tool = {"name": f"tool_{len(pages)}", "inputSchema": {"type": "object"}}
        return {"tools": [tool], "nextCursor": f"c{len(pages)}"}

    write_config(f"{{label: endless, url: '{serve_rpc(httpserver, old_server(page))}'}}")

    code, [server] = probed(capsys)

    assert code == 0
    assert pages[:3] == ["None", "c1", "c2"]
    assert len(server["tools"]) == len(pages) == 100


def test_only_the_servers_that_are_named_are_contacted(
    write_config: WriteConfig, tracker: Tracker, closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(
        f"{{label: gone, url: 'http://127.0.0.1:{closed_port}/mcp'}}",
        f"{{label: tracker, url: '{tracker.url}', {bearer()}}}",
    )

    code, found = probed(capsys, "tracker", "tracker")

    assert code == 0
    assert [server["label"] for server in found] == ["tracker"]


def test_a_label_that_is_not_declared_is_a_usage_error(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config("{label: docs, url: 'https://docs.example/mcp'}")

    assert main(["servers", "probe", "dox"]) == 2
    assert "no server 'dox' is declared; there are: docs" in capsys.readouterr().err


def test_a_connector_is_skipped_because_only_the_provider_reaches_it(
    write_config: WriteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config("{label: mail, connector_id: connector_gmail, authorization: '${env:TRACKER_TOKEN}'}")

    assert main(["servers", "probe"]) == 0
    assert "skipped  only the provider can reach it" in capsys.readouterr().out


def test_a_timeout_needs_a_unit(write_config: WriteConfig, capsys: pytest.CaptureFixture[str]) -> None:
    write_config()

    with pytest.raises(SystemExit) as stopped:
        main(["servers", "probe", "--timeout", "5"])

    assert stopped.value.code == 2
    assert "write a number with its unit" in capsys.readouterr().err
