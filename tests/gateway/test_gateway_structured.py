"""Structured results through the gateway, held against the schema that the client was shown, by the official
client: it raises where a result that is no error does not keep what its tool promised."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.gateway.calls import Called
from mcpbridge.gateway.structured import output_of, result_of
from tests.gateway.scene import ERAS, client_of, configured, effects, gateway, over_http, used, words

SCALES = Path(__file__).with_name("scales.py")
SECRET = "correct-horse-battery-staple"
EVERYTHING = "version: 1\ndefaults: {decision: deny}\nrules: [{id: all, effect: allow, tools: ['shop.*']}]\n"
WAYS = ["stdio", "http"]


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", SECRET)


def weighing(folder: Path, **server: Any) -> None:
    """A gateway over the scales, which know a credential."""
    environment = {"SHOP_FILE": str(folder / "effects"), "SECRET": "${env:SHOP_SECRET}"}
    configured(folder, server={"command": [sys.executable, str(SCALES)], "env": environment, **server})
    (folder / "policy.yaml").write_text(EVERYTHING)


def reached(folder: Path, way: str, era: Any, body: Callable[[Client], Awaitable[None]]) -> None:
    """Run `body` with the official client over this transport, in this era."""
    if way == "stdio":
        used(body, gateway(folder), mode=era)
        return

    async def whole() -> None:
        async with over_http(folder) as url, client_of(url, mode=era) as client:
            await body(client)

    asyncio.run(whole())


@pytest.mark.promise("gateway-structured")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", WAYS)
def test_a_client_gets_the_promise_of_a_tool_and_what_keeps_it(tmp_path: Path, way: str, era: Any) -> None:
    weighing(tmp_path)

    async def body(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        promised = tools["shop__weigh"].output_schema
        assert promised is not None
        assert promised["required"] == ["key", "grams"]
        assert tools["shop__loose"].output_schema is None
        weighed = await client.call_tool("shop__weigh", {"key": "a"})
        assert (weighed.is_error, weighed.structured_content) == (False, {"key": "a", "grams": 12})
        assert '"grams"' in words(weighed)
        loose = await client.call_tool("shop__loose", {})
        assert loose.structured_content == {"of": ["several", 1, None, True]}
        assert words(loose) == 'loose\n{"of": ["several", 1, null, true]}'
        masked = await client.call_tool("shop__reveal", {"key": "a"})
        assert masked.structured_content == {"key": "a [secret]", "grams": 1}
        assert SECRET not in masked.model_dump_json()

    reached(tmp_path, way, era, body)


@pytest.mark.promise("gateway-structured")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", WAYS)
def test_a_promise_that_cannot_be_kept_is_an_error_that_says_the_tool_ran(
    tmp_path: Path, way: str, era: Any
) -> None:
    weighing(tmp_path, max_result=2_000)

    async def body(client: Client) -> None:
        for name, arguments, why in (
            ("shop__recite", {"size": 5_000}, "its structured result was too large and is left out"),
            ("shop__print_label", {}, "its structured result is left out: it does not fit"),
        ):
            result = await client.call_tool(name, arguments)
            assert result.is_error
            assert result.structured_content is None
            assert f"[mcpbridge: the tool ran, but {why}" in words(result)
            assert "do not repeat the call" in words(result)
            assert SECRET not in result.model_dump_json()
        small = await client.call_tool("shop__recite", {"size": 50})
        assert (small.is_error, small.structured_content) == (False, {"text": "a" * 50})

    reached(tmp_path, way, era, body)
    assert effects(tmp_path) == ["recited 5000", "printed", "recited 50"]


@pytest.mark.parametrize("era", ERAS)
def test_a_failure_keeps_what_fits_and_loses_what_does_not(tmp_path: Path, era: Any) -> None:
    weighing(tmp_path)

    async def body(client: Client) -> None:
        fits = await client.call_tool("shop__break_down", {"key": "fits"})
        assert (fits.is_error, fits.structured_content) == (True, {"key": "fits", "grams": 0})
        not_so = await client.call_tool("shop__break_down", {"key": "other"})
        assert (not_so.is_error, not_so.structured_content) == (True, None)
        assert "broken" in words(not_so)
        assert '{"why": "no scales"}' in words(not_so)

    used(body, gateway(tmp_path), mode=era)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "integer"}},
        {"anyOf": [{"type": "object"}, {"type": "string"}]},
        {"type": "object", "properties": {"a": {"$ref": "https://example.com/other.json"}}},
        {"type": "object", "required": "a"},
    ],
)
def test_a_schema_that_no_client_can_use_is_not_shown(schema: dict[str, Any]) -> None:
    """The older protocol knows objects only; one such schema would cost its client the whole list."""
    definition = ToolDefinition(name="t", description="", input_schema={}, output_schema=schema)
    assert output_of(definition, Mask()) is None


def test_a_schema_in_no_known_dialect_is_shown_without_its_name() -> None:
    schema = {"$schema": 5, "type": "object", "properties": {"n": {"type": "integer"}}}
    definition = ToolDefinition(name="t", description="", input_schema={}, output_schema=schema)
    output = output_of(definition, Mask())
    assert output is not None
    assert output.schema == {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.mark.promise("gateway-tells-no-secret")
def test_a_promise_tells_no_credential() -> None:
    schema = {"type": "object", "properties": {"key": {"const": SECRET, "description": f"not {SECRET}"}}}
    definition = ToolDefinition(name="t", description="", input_schema={}, output_schema=schema)
    output = output_of(definition, Mask([Secret(SECRET)]))
    assert output is not None
    assert output.schema["properties"]["key"] == {"const": "[secret]", "description": "not [secret]"}


def test_a_refused_call_owes_nothing_structured() -> None:
    schema = {"type": "object", "required": ["n"]}
    definition = ToolDefinition(name="t", description="", input_schema={}, output_schema=schema)
    result = result_of(Called(output="denied", failed=True), output_of(definition, Mask()))
    assert [words(result), result.is_error, result.structured_content] == ["denied", True, None]
