"""What the conformance suite runs as the client under test: our toolbox, with the suite's server behind it.

Called as `python -m tests.mcp_servers.conformance_client URL`; the scenario stands in the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.shared.auth import AuthorizationCodeResult

from mcpbridge.adapters.mcp_servers.private_addresses import may_be_private
from mcpbridge.adapters.mcp_servers.settings import BridgedServer, HttpAddress
from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox
from mcpbridge.adapters.oauth.providers import Client, Person
from mcpbridge.adapters.oauth.stores import FileStore
from mcpbridge.adapters.oauth.tokens import OAuthAuth, Tokens
from mcpbridge.config.oauth import OAuth as Declared
from mcpbridge.errors import AuthRefused, ServerError, ToolsChanged
from mcpbridge.ports import Elicitation, Elicited, Progress, Sampled, Sampling, ServerAsked

CLIENT_METADATA = "https://conformance-test.local/client-metadata.json"
REDIRECT = "http://localhost:3000/callback"
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {"add_numbers": {"a": 5, "b": 3}}
SPEC = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "2025-11-25")
SCENARIO = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
CONTEXT: Mapping[str, Any] = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")


class AgreeToAll:
    """A person who accepts every form as it is, with what it proposes (SEP-1034)."""

    def progress(self, progress: Progress) -> None:
        print(progress)

    async def elicit(self, question: Elicitation) -> Elicited:
        fields: Mapping[str, Any] = question.schema.get("properties", {})
        proposed = {name: field["default"] for name, field in fields.items() if "default" in field}
        return Elicited(action="accept", content=proposed)

    async def sample(self, wish: Sampling) -> Sampled:
        return Sampled(text=f"{len(wish.messages)} messages", model="m")

    async def noted(self, asked: ServerAsked) -> None:
        print(asked)


class Browser:
    """A person with a browser: the suite's authorization server agrees at once and sends back to us."""

    def __init__(self) -> None:
        self._query: Mapping[str, list[str]] = {}

    async def show(self, url: str) -> None:
        async with httpx2.AsyncClient() as http:
            response = await http.get(url)
        self._query = parse_qs(urlsplit(response.headers["location"]).query)

    async def wait(self) -> AuthorizationCodeResult:
        first = {name: values[0] for name, values in self._query.items()}
        return AuthorizationCodeResult(code=first["code"], state=first.get("state"), iss=first.get("iss"))


class LoggedIn(httpx2.Auth):
    """Our tokens, with a person at hand who logs in whenever that is needed: `servers login`, at once."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._browser = Browser()

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        flow = OAuthAuth(self._tokens).async_auth_flow(request)
        person = Person(redirect_uri=REDIRECT, show=self._browser.show, come_back=self._browser.wait)
        response: httpx2.Response | None = None
        try:
            wanted = await anext(flow)
            while True:
                response = yield wanted
                wanted = await flow.asend(response)
        except StopAsyncIteration:
            return
        except AuthRefused:
            refusal = response or (yield request)
        if refusal.status_code in (401, 403):
            kept = await self._tokens.log_in(refusal, person)
            request.headers["Authorization"] = f"Bearer {kept.access_token}"
            yield request


def oauth(url: str) -> httpx2.Auth:
    key = CONTEXT.get("private_key_pem")
    program = SCENARIO.startswith("auth/client-credentials")
    declared = Declared(
        grant="client_credentials" if program else "authorization_code",
        client_id=CONTEXT.get("client_id") or (CLIENT_METADATA if SCENARIO == "auth/basic-cimd" else None),
        algorithm=CONTEXT.get("signing_algorithm", "ES256"),
    )
    client = Client(oauth=declared, url=url, secret=CONTEXT.get("client_secret"), private_key=key)
    store = None if program else FileStore(folder=Path(tempfile.mkdtemp()), environment={})
    exempt = may_be_private(urlsplit(url).hostname or "", ())
    tokens = Tokens(label="suite", identity=url, client=lambda: client, store=store, exempt=exempt)
    return OAuthAuth(tokens) if program else LoggedIn(tokens)


async def run(url: str) -> int:
    address = HttpAddress(url=url)
    if SCENARIO.startswith("auth/"):
        address = HttpAddress(url=url, auth=oauth(url))
    toolbox = ServerToolbox(
        BridgedServer(
            label="suite",
            identity=url,
            address=address,
            protocol="legacy" if SPEC < "2026" else "auto",
        )
    )
    try:
        await use(toolbox)
    finally:
        await toolbox.close()
    return 0


async def use(toolbox: ServerToolbox) -> None:
    """List everything, and call everything, as the scenario asks."""
    listing = await toolbox.tools()
    tools = {tool.name: tool for tool in listing.tools}
    if SCENARIO == "json-schema-2020-12-preservation":
        focal, echo = listing.tools[0], listing.tools[-1]
        sent: dict[str, Any] = {next(iter(echo.input_schema["properties"])): focal.input_schema}
        print(await called(toolbox, echo.name, sent))
        return
    wanted: list[dict[str, Any]] = CONTEXT.get("toolCalls") or [{"name": name} for name in tools]
    for each in wanted:
        arguments = each.get("arguments") or ARGUMENTS.get(each["name"], {})
        print(await called(toolbox, each["name"], arguments))


async def called(toolbox: ServerToolbox, name: str, arguments: Mapping[str, Any]) -> Any:
    """Once more with a fresh listing where the server announced a change in between."""
    for _ in range(2):
        listing = await toolbox.tools()
        try:
            return await toolbox.call(
                name, arguments, epoch=listing.epoch, meta={}, seconds=20.0, observer=AgreeToAll()
            )
        except ToolsChanged as changed:
            print(changed)
    raise AssertionError("the tools change all the time")


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(run(sys.argv[-1])))
    except ServerError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
