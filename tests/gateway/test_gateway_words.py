"""What the gateway says to the person who starts it, and to its clients, where something is not as meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp.client import Client

from mcpbridge.cli.main import main
from tests.gateway.scene import configured, gateway, used, words

WHOLE = "s3cr3t-token-of-the-editor=="


@pytest.mark.promise("gateway-client-token-unsaid")
@pytest.mark.parametrize("given", [f"editor={WHOLE}", WHOLE, f"={WHOLE}", f"{WHOLE}=editor", "s3cr3t="])
def test_a_token_that_is_written_where_its_variable_belongs_is_not_repeated(
    tmp_path: Path, given: str, capfd: pytest.CaptureFixture[str]
) -> None:
    configured(tmp_path)

    code = main(
        ["gateway", "-c", str(tmp_path / "mcpbridge.yaml"), "--http", "--port", "0", "--client", given]
    )

    said = capfd.readouterr()
    assert code == 2
    assert "s3cr3t" not in said.out + said.err
    assert "--client number 1" in said.err
    assert "the name of an environment variable that holds the token" in said.err


def test_a_token_that_is_too_short_is_told_by_the_name_of_its_variable(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path)
    monkeypatch.setenv("SHORT_TOKEN", "s3cr3t")

    code = main(
        ["gateway", "-c", str(tmp_path / "mcpbridge.yaml"), "--http", "--client", "editor=SHORT_TOKEN"]
    )

    said = capfd.readouterr().err
    assert (code, "s3cr3t" in said) == (2, False)
    assert "--client editor: SHORT_TOKEN holds no token of 16 characters" in said


def test_a_client_hears_of_a_name_that_nothing_has_by_the_name_it_called(tmp_path: Path) -> None:
    configured(tmp_path)
    heard: list[str] = []

    async def body(client: Client) -> None:
        for name in ("nosuch", "shop__a.dotted.name", "shop__nosuch"):
            heard.append(words(await client.call_tool(name, {})))

    used(body, gateway(tmp_path))
    assert [text.partition("Reason: ")[2] for text in heard] == [
        "No tool or function here is called `nosuch`.",
        "No tool or function here is called `shop__a.dotted.name`.",
        "shop.nosuch is not a known tool.",
    ]


def test_a_question_at_the_gateway_speaks_of_a_client_and_not_of_a_model(tmp_path: Path) -> None:
    configured(tmp_path)
    screens: list[str] = []

    async def no(_context: Any, params: Any) -> types.ElicitResult:
        screens.append(params.message)
        return types.ElicitResult(action="decline")

    async def body(client: Client) -> None:
        await client.call_tool("shop__burn", {"key": "a"})

    used(body, gateway(tmp_path, "--ask", "client"), elicitation_callback=no)
    assert [screen.splitlines()[0] for screen in screens] == ["a client wants to call shop.burn"]
