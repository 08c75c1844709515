"""The client of a configuration: address, credential, headers, query, proxy, CA file."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import openai
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Request

from mcpbridge import Bridge, Configuration, MemoryAudit, ModelUnavailable, Retries
from mcpbridge.adapters.clients import make_client
from mcpbridge.config import load_config_text
from mcpbridge.core.secret import MASK, Mask
from tests.wire.stack import FAST, sources

HELLO: dict[str, Any] = {
    "id": "resp_1",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
        }
    ],
}
POLICY = "version: 1\ndefaults: {decision: deny}\n"


def configuration(folder: Path, model: str) -> Configuration:
    (folder / "policy.yaml").write_text(POLICY)
    text = f"model: {{name: m, {model}}}\npolicy: policy.yaml\n"
    return load_config_text(text, file="mcpbridge.yaml", directory=folder)


def say_hello(config: Configuration, env: dict[str, str], **options: Any) -> str:
    async def whole() -> str:
        bridge = Bridge.from_yaml(
            config, sources=sources(env), audit=MemoryAudit(), retries=FAST, state_key=b"k" * 32, **options
        )
        async with bridge:
            return (await bridge.run("hi")).text

    return asyncio.run(whole())


def only_request(server: HTTPServer) -> Request:
    [(request, _response)] = server.log
    return request


def test_the_key_and_the_configured_headers_and_query_are_sent(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/v1/responses", method="POST").respond_with_json(HELLO)
    config = configuration(
        tmp_path,
        f'endpoint: "{httpserver.url_for("/v1")}", profile: openai, api_key: "${{env:K}}", '
        'headers: {x-team: blue, x-trace: "${env:TRACE}"}, query: {api-version: preview}',
    )

    assert say_hello(config, {"K": "key-123456", "TRACE": "trace-123456"}) == "hello"

    request = only_request(httpserver)
    assert request.headers["authorization"] == "Bearer key-123456"
    assert request.headers["x-team"] == "blue"
    assert request.headers["x-trace"] == "trace-123456"
    assert request.args["api-version"] == "preview"


def test_azure_is_the_v1_endpoint_of_its_resource(tmp_path: Path) -> None:
    config = configuration(tmp_path, "endpoint: azure, resource: contoso")

    assert config.model.base_url == "https://contoso.openai.azure.com/openai/v1/"


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous"])
def test_a_token_provider_is_asked_for_each_request(
    kind: str, httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/v1/responses").respond_with_json(HELLO)
    config = configuration(tmp_path, f'endpoint: "{httpserver.url_for("/v1")}", profile: azure')

    def token() -> str:
        return "entra-token-123456"

    async def token_async() -> str:
        return token()

    provider: Callable[[], Any] = token if kind == "synchronous" else token_async

    assert say_hello(config, {}, token_provider=provider) == "hello"
    assert only_request(httpserver).headers["authorization"] == "Bearer entra-token-123456"


def test_a_client_of_the_callers_keeps_its_settings_but_not_its_retries(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/mine/responses").respond_with_data("no", status=500)
    client = openai.AsyncOpenAI(
        base_url=httpserver.url_for("/mine"), api_key="mine", max_retries=7, default_headers={"x-mine": "1"}
    )
    config = configuration(tmp_path, "endpoint: openai")

    with pytest.raises(ModelUnavailable):
        say_hello(config, {}, client=client)

    assert len(httpserver.log) == FAST.attempts
    assert httpserver.log[0][0].headers["x-mine"] == "1"
    assert not client.is_closed()
    assert client.max_retries == 7
    asyncio.run(client.close())


def test_a_missing_key_is_an_error_that_names_the_variable(tmp_path: Path) -> None:
    config = configuration(tmp_path, "endpoint: openai")

    with pytest.raises(Exception, match="OPENAI_API_KEY"):
        say_hello(config, {})


def test_requests_go_through_the_configured_proxy(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("http://model.invalid/v1/responses").respond_with_json(HELLO)
    httpserver.expect_request("/v1/responses").respond_with_json(HELLO)
    config = configuration(
        tmp_path,
        'endpoint: "http://model.invalid/v1", allow_http: true, profile: openai, '
        f'proxy: "{httpserver.url_for("").rstrip("/")}"',
    )

    assert say_hello(config, {}) == "hello"
    assert only_request(httpserver).headers["host"] == "model.invalid"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Generator[HTTPServer, None, None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        yield server


def test_a_ca_file_is_trusted_and_nothing_else_is(
    tls_server: HTTPServer, certificate: Path, tmp_path: Path
) -> None:
    tls_server.expect_request("/v1/responses").respond_with_json(HELLO)
    url = f"https://localhost:{tls_server.port}/v1"
    trusting = configuration(tmp_path, f'endpoint: "{url}", profile: openai, ca_file: "{certificate}"')
    strict = configuration(tmp_path, f'endpoint: "{url}", profile: openai')

    assert say_hello(trusting, {}) == "hello"
    with pytest.raises(ModelUnavailable, match="could not be reached"):
        say_hello(strict, {})


def test_a_garbled_answer_is_retried_and_then_an_error(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_ordered_request("/v1/responses").respond_with_data("<html>")
    httpserver.expect_ordered_request("/v1/responses").respond_with_data('[1, "a"]')
    httpserver.expect_ordered_request("/v1/responses").respond_with_data('{"x": NaN}')
    config = configuration(tmp_path, f'endpoint: "{httpserver.url_for("/v1")}", profile: openai')

    with pytest.raises(ModelUnavailable, match="not JSON"):
        say_hello(config, {})


def test_the_wait_between_attempts_is_what_the_service_asks_for(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    for headers in ({"retry-after": "7"}, {"retry-after-ms": "1500"}, {"retry-after": "soon"}):
        httpserver.expect_ordered_request("/v1/responses").respond_with_data(
            "{}", status=429, headers=headers
        )
    httpserver.expect_ordered_request("/v1/responses").respond_with_json(HELLO)
    config = configuration(tmp_path, f'endpoint: "{httpserver.url_for("/v1")}", profile: openai')
    waits: list[float] = []

    async def note_wait(seconds: float) -> None:
        waits.append(seconds)

    async def whole() -> str:
        retries = Retries(attempts=4, wait=FAST.wait, sleep=note_wait)
        async with Bridge.from_yaml(
            config, sources=sources({}), audit=MemoryAudit(), retries=retries, state_key=b"k" * 32
        ) as bridge:
            return (await bridge.run("hi")).text

    assert asyncio.run(whole()) == "hello"
    assert waits == [7.0, 1.5, 0.0]


def test_a_used_up_quota_is_not_retried(httpserver: HTTPServer, tmp_path: Path) -> None:
    error = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota", "type": "x"}}
    httpserver.expect_request("/v1/responses").respond_with_json(error, status=429)
    config = configuration(tmp_path, f'endpoint: "{httpserver.url_for("/v1")}", profile: openai')

    with pytest.raises(ModelUnavailable, match="quota"):
        say_hello(config, {})
    assert len(httpserver.log) == 1


CUSTOM = {
    "OPENAI_ORG_ID": "org-canary-1",
    "OPENAI_PROJECT_ID": "proj-canary-1",
    "OPENAI_CUSTOM_HEADERS": "X-Own: own-canary-1\nX-Team: not-this-one\nAuthorization: Bearer canary-2",
}


@pytest.mark.promise("doctor-environment")
def test_what_the_environment_holds_for_openai_is_not_sent_to_others(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CUSTOM.items():
        monkeypatch.setenv(name, value)
    httpserver.expect_request("/v1/responses").respond_with_json(HELLO)
    model = f'endpoint: "{httpserver.url_for("/v1")}", profile: openai, headers: {{X-Team: blue}}'

    assert say_hello(configuration(tmp_path, model), {}) == "hello"

    headers = only_request(httpserver).headers
    assert "canary" not in str(headers)
    assert headers["X-Team"] == "blue"
    assert headers["Authorization"] == "Bearer local-key"


@pytest.mark.promise("doctor-environment")
def test_what_goes_to_openai_from_the_environment_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CUSTOM.items():
        monkeypatch.setenv(name, value)
    mask = Mask()

    client = make_client(
        configuration(tmp_path, "endpoint: openai").model, sources({"OPENAI_API_KEY": "k-12345"}), mask
    )

    assert client.default_headers["OpenAI-Organization"] == "org-canary-1"
    assert client.default_headers["X-Own"] == "own-canary-1"
    assert mask.text("org-canary-1 proj-canary-1 own-canary-1 k-12345") == " ".join([MASK] * 4)
    asyncio.run(client.close())
