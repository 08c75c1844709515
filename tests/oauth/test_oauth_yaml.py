"""A declaration with `oauth:` from its YAML to a real MCP server that wants a token, by the command line."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mcp.server.mcpserver import MCPServer
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.adapters.oauth.stores import FileStore
from mcpbridge.adapters.root_logging import root_logging_untouched
from mcpbridge.cli.main import main
from mcpbridge.config.oauth import OAuth
from mcpbridge.service.loopback import in_thread
from tests.oauth.authority import SECRET, Authority, running
from tests.oauth.scene import person, refusal, tokens

DOCS = Path(__file__).parents[2] / "docs" / "oauth.md"
KEEPER = "grant: client_credentials, client_id: keeper, client_secret: '${env:SHOP_SECRET}'"


def shop() -> MCPServer[Any]:
    with root_logging_untouched():
        server = MCPServer[Any]("shop")

    @server.tool()
    def stock(item: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """How much of it there is."""
        return f"3 {item}"

    return server


@contextmanager
def guarded(authority: Authority) -> Generator[str, None, None]:
    """The shop behind the authority; gives its URL."""
    authority.behind = shop().streamable_http_app()
    with in_thread(lambda: running(authority)) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHOP_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text("version: 1\ndefaults: {decision: deny}\n")
    return tmp_path


def declared(folder: Path, servers: str) -> None:
    (folder / "mcpbridge.yaml").write_text(
        f"model: {{name: m, endpoint: local}}\npolicy: policy.yaml\n{servers}"
    )


def documented(url: str, issuer: str) -> str:
    """The `servers:` of docs/oauth.md, with the warehouse where it is."""
    found = re.search(r"```yaml\n(servers:\n.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    text = found[1].replace("https://mcp.warehouse.example/mcp", url)
    return text.replace("https://auth.warehouse.example", issuer)


@pytest.mark.promise("oauth-key")
def test_the_documented_key_file_signs_for_a_token_from_the_yaml_to_the_server(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "nightly.pem").write_bytes(pem)
    authority = Authority(key=key.public_key(), signer="nightly", needs="stock.read")
    with guarded(authority) as url:
        declared(folder, documented(url, authority.origin))
        assert main(["check"]) == 0
        capsys.readouterr()
        code = main(["servers", "probe", "warehouse", "--json"])

    written = capsys.readouterr()
    (probe,) = json.loads(written.out)["servers"]
    assert (code, probe["problem"], [tool["name"] for tool in probe["tools"]]) == (0, "", ["stock"])
    assert authority.seen["token client_credentials"] == 1
    assert "PRIVATE KEY" not in written.out + written.err


@pytest.mark.promise("oauth-hosted")
def test_a_hosted_server_is_probed_and_pinned_with_the_token_that_its_provider_would_be_given(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = Authority()
    with guarded(authority) as url:
        oauth = f"{{{KEEPER}, issuer: '{authority.origin}'}}"
        declared(folder, f"servers: [{{label: shop, url: '{url}', oauth: {oauth}}}]\n")
        assert main(["servers", "probe", "--json"]) == 0
        (probe,) = json.loads(capsys.readouterr().out)["servers"]
        assert main(["pin"]) == 0

    written = capsys.readouterr()
    lock = (folder / "tools.lock").read_text()
    assert [tool["name"] for tool in probe["tools"]] == ["stock"]
    assert "shop.stock: new" in written.out
    assert "stock" in json.loads(lock)["servers"]["shop"]["tools"]
    assert authority.seen["token client_credentials"] == 2
    assert not [token for token in authority.good if token in lock + written.out + written.err]


def test_the_tokens_of_a_login_serve_the_probe_of_a_hosted_server(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with guarded(Authority()) as url:
        declared(folder, f"servers: [{{label: shop, url: '{url}', oauth: {{store: file}}}}]\n")
        before = main(["servers", "probe"]), capsys.readouterr().out
        store = FileStore(folder=folder / "mcpbridge" / "tokens", environment={})
        asyncio.run(tokens(url, OAuth(store="file"), store).log_in(refusal(url), person()))
        after = main(["servers", "probe"]), capsys.readouterr().out

    assert before[0] == 1
    assert "nobody has logged in yet; run: mcpbridge servers login shop" in before[1]
    assert after[0] == 0
    assert "1 tools, 1 allowed" in after[1]


def test_an_authorization_server_that_hangs_keeps_a_probe_no_longer_than_it_was_given(
    folder: Path, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    over = Event()

    def hang(_request: Request) -> Response:
        over.wait(20)
        return Response()

    httpserver.expect_request(re.compile("/.*")).respond_with_handler(hang)
    url, issuer = httpserver.url_for("/mcp"), httpserver.url_for("").rstrip("/")
    oauth = f"{{{KEEPER}, issuer: '{issuer}'}}"
    declared(folder, f"servers: [{{label: shop, url: '{url}', oauth: {oauth}}}]\n")
    try:
        code = main(["servers", "probe", "--timeout", "300ms"])
    finally:
        over.set()

    assert code == 1
    assert "no token within 0.3 s; --timeout gives it longer" in capsys.readouterr().out
