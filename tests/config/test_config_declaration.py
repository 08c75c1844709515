"""ServerDeclaration in Python, and its credentials resolved for one request."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.config import (
    Credentials,
    DeclarationRefused,
    SecretSources,
    ServerDeclaration,
    parse_template,
    resolve_authorization,
    resolve_credentials,
    resolve_headers,
)
from mcpbridge.config.profiles_model import AuthorizationIn
from mcpbridge.core.secret import Secret
from mcpbridge.errors import MissingSecret, UsageError

CANARY = "canary-5d41402abc4b"
URL = "https://docs.example.com/mcp"


def _server(**fields: Any) -> ServerDeclaration:
    given: dict[str, Any] = {"label": "docs", "url": URL, **fields}
    return ServerDeclaration(**given)


def _credentials(
    server: ServerDeclaration, sources: SecretSources, place: AuthorizationIn = "header"
) -> Credentials:
    return asyncio.run(resolve_credentials(server, sources, authorization_in=place))


def _plain(credentials: Credentials) -> tuple[dict[str, str], str | None]:
    token = credentials.authorization
    headers = {name: value.reveal() for name, value in credentials.headers.items()}
    return headers, None if token is None else token.reveal()


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        (
            "https://Docs.Example.com:443/mcp?read_only=true",
            "https://docs.example.com/mcp?sha256:e3c9209f0ba6",
        ),
        ("https://docs.example.com:8443/", "https://docs.example.com:8443/"),
        ("http://[::1]:8080/mcp", "http://[::1]:8080/mcp"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:80/x", "http://localhost/x"),
    ],
)
def test_the_identity_is_the_url_with_a_hash_of_its_query(url: str, identity: str) -> None:
    assert _server(url=url).identity == identity


def test_connectors_and_tunnels_have_identities_too() -> None:
    assert _server(url=None, connector_id="connector_gmail").identity == "connector:connector_gmail"
    assert _server(url=None, tunnel_id="t-1").identity == "tunnel:t-1"


def test_http_is_for_this_machine_unless_it_is_allowed() -> None:
    for url in (
        "http://localhost.evil.example",
        "http://127.1",
        "http://10.0.0.1",
        "http://docs.example.com",
    ):
        with pytest.raises(UsageError, match="http is readable on the way"):
            _server(url=url)
    assert _server(url="http://10.0.0.1/mcp", allow_http=True).identity == "http://10.0.0.1/mcp"


def test_every_complaint_comes_at_once_and_shows_no_value() -> None:
    with pytest.raises(UsageError, match=r"authorization: a header's value is one line"):
        _server(authorization=f"{CANARY}\n")
    with pytest.raises(DeclarationRefused) as caught:
        ServerDeclaration(
            label="a b", headers={"X-A": f"{CANARY}\n"}, authorization=Secret(f"Bearer {CANARY}")
        )
    assert [path for path, _ in caught.value.complaints] == [
        ("label",),
        (),
        ("headers", "X-A"),
        ("authorization",),
    ]
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_declaration_shows_names_and_never_values() -> None:
    server = _server(headers={"X-Key": CANARY}, url=f"{URL}?q={CANARY}")
    assert repr(server) == f"ServerDeclaration(label='docs', identity='{server.identity}', headers: X-Key)"
    assert server.identity.startswith(f"{URL}?sha256:")
    assert CANARY not in f"{server} {server.headers!r} {_server(authorization=CANARY).authorization!r}"
    with pytest.raises(TypeError):
        server.headers["X-Key"] = "other"  # type: ignore[index]
    assert repr(_server()).endswith("headers: none)")


def test_lists_are_taken_over_as_tuples() -> None:
    names: Any = ["a"]
    assert _server(allowed_tools=names).allowed_tools == ("a",)
    one: Any = "search"
    with pytest.raises(UsageError, match="allowed_tools: write a list of names, not one text"):
        _server(allowed_tools=one)


def test_headers_are_resolved_anew_for_each_request(sources: SecretSources) -> None:
    count = iter(range(9))

    async def later() -> Secret:
        return Secret(f"async {next(count)}")

    server = _server(headers={"X-Sync": lambda: f"sync {next(count)}", "X-Async": later, "X-Text": "text"})
    first = asyncio.run(resolve_headers(server, sources))
    second = asyncio.run(resolve_headers(server, sources))
    assert [value.reveal() for value in first.values()] == ["sync 0", "async 1", "text"]
    assert [value.reveal() for value in second.values()] == ["sync 2", "async 3", "text"]
    assert server.credential_headers == {"X-Sync", "X-Async", "X-Text"}


def test_templates_are_resolved_from_the_given_sources(tmp_path: Path) -> None:
    places = SecretSources(
        env={"A": CANARY}, read_file=lambda path: path.name, keyring=lambda service, user: None
    )
    server = _server(headers={"X-Env": parse_template("${env:A}"), "X-File": parse_template("${file:f}")})
    found = asyncio.run(resolve_headers(server, places))
    assert {name: value.reveal() for name, value in found.items()} == {"X-Env": CANARY, "X-File": "f"}
    assert CANARY not in repr(found)


def test_a_missing_secret_is_missing_at_the_request(sources: SecretSources) -> None:
    server = _server(authorization=parse_template("${env:A}", file="c.yaml", line=3))
    with pytest.raises(MissingSecret, match=r"c\.yaml:3: the environment variable A is not set"):
        asyncio.run(resolve_authorization(server, sources))
    assert asyncio.run(resolve_authorization(_server(), sources)) is None


def _returning(value: Any) -> Callable[[], Any]:
    return lambda: value


def _awaiting(value: Any) -> Callable[[], Awaitable[Any]]:
    async def later() -> Any:
        return value

    return later


@pytest.mark.parametrize("wrapped", [_returning, _awaiting])
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "docs: headers.X-A: the callable returned NoneType; return text or a Secret"),
        ("", "docs: headers.X-A: the callable returned nothing"),
        (f"{CANARY}\r\nX: y", "docs: headers.X-A: a header's value is one line without control characters"),
    ],
)
def test_what_a_callable_returns_is_checked(
    sources: SecretSources, wrapped: Callable[[Any], Any], value: Any, problem: str
) -> None:
    with pytest.raises(UsageError) as caught:
        asyncio.run(resolve_headers(_server(headers={"X-A": wrapped(value)}), sources))
    assert str(caught.value) == problem


BEARER = {"authorization": "bearer t0ken"}


@pytest.mark.parametrize(
    ("fields", "place", "headers", "field"),
    [
        ({}, "header", {}, None),
        ({}, "field", {}, None),
        ({"authorization": "t0ken"}, "header", {"Authorization": "Bearer t0ken"}, None),
        ({"authorization": "t0ken"}, "field", {}, "t0ken"),
        ({"authorization": "t0ken", "authorization_in": "field"}, "header", {}, "t0ken"),
        ({"authorization": lambda: "Bearer t0ken"}, "field", {}, "t0ken"),
        ({"headers": BEARER}, "header", BEARER, None),
        ({"headers": BEARER}, "field", {}, "t0ken"),
        ({"headers": BEARER, "authorization_in": "header"}, "field", BEARER, None),
        ({"headers": {"Authorization": "Basic dXNlcg"}}, "field", {"Authorization": "Basic dXNlcg"}, None),
        ({"authorization": "t0ken", "url": None, "connector_id": "connector_gmail"}, "header", {}, "t0ken"),
    ],
)
def test_the_credential_goes_where_declaration_or_profile_want_it(
    sources: SecretSources,
    fields: dict[str, Any],
    place: AuthorizationIn,
    headers: dict[str, str],
    field: str | None,
) -> None:
    assert _plain(_credentials(_server(**fields), sources, place)) == (headers, field)


def test_another_scheme_is_never_put_into_the_field(sources: SecretSources) -> None:
    with pytest.raises(UsageError, match="the field carries a Bearer token only"):
        _server(headers={"Authorization": f"Basic {CANARY}"}, authorization_in="field")
    late = _server(headers={"Authorization": lambda: f"Basic {CANARY}"}, authorization_in="field")
    with pytest.raises(
        UsageError, match=r"carries a Bearer token only, and headers\.Authorization has another"
    ):
        _credentials(late, sources)


def test_what_must_be_masked_leaves_out_plain_literals_of_a_file(sources: SecretSources) -> None:
    plain = parse_template("read-only")
    server = _server(headers={"X-Mode": plain, "X-Key": "k3y-value"}, authorization="t0ken")
    found = _credentials(server, sources)
    assert {secret.reveal() for secret in found.sensitive} == {"k3y-value", "t0ken"}
    assert "t0ken" not in repr(found)
