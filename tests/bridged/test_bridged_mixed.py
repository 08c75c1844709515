"""Hosted, bridged and local tools in one conversation; endpoints without hosted MCP; the gate alone."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from mcpbridge import Gate, UsageError, tool
from mcpbridge.config import load_config
from mcpbridge.demo.server import Tracker
from mcpbridge.demo.server import running_in_thread as tracker_running
from mcpbridge.service.running import running_in_thread
from mcpbridge.testing import assert_allowed, assert_denied
from tests.bridged.wire import ALL, Wire
from tests.wire.changing import Changing, changing
from tests.wire.stack import sources

SCRIPT = """
rules:
  - when: {user: "everything"}
    then:
      - mcp: {server: tracker, tool: list_issues, arguments: {}}
      - call: {name: bank__pay, arguments: {to: DE89}}
      - call: {name: note, arguments: {text: paid}}
  - when: {user: "pay"}
    then: [{call: {name: bank__pay, arguments: {to: DE89}}}]
  - when: {mcp_result: "tracker.*"}
    then: [{say: "all of it"}]
  - when: {function_output: "*"}
    then: [{say: "{{last_output}}"}]
"""
TOKEN = "mixed-tracker-token"  # a name for a test's server


@pytest.fixture
def bank() -> Generator[Changing, None, None]:
    with changing() as server:
        yield server


@pytest.fixture
def tracker() -> Generator[Tracker, None, None]:
    with tracker_running(token=TOKEN) as server:
        yield server


@tool
def note(text: str) -> str:
    """Take a note."""
    return f"noted: {text}"


def servers(bank: Changing, tracker: Tracker, via: str = "bridge") -> str:
    return (
        f'  - {{label: bank, via: {via}, url: "{bank.url}"}}\n'
        f'  - {{label: tracker, url: "{tracker.url}", headers: {{Authorization: "Bearer ${{env:TOKEN}}"}}}}\n'
    )


@pytest.mark.promise("bridged-mixed")
def test_hosted_bridged_and_local_tools_in_one_conversation_under_one_policy(
    bank: Changing, tracker: Tracker, tmp_path: Path
) -> None:
    policy = ALL.replace("rules: [", "rules: [{id: no-notes, effect: deny, tools: [local.note]}, ")
    with running_in_thread(SCRIPT) as service:
        wire = Wire(
            folder=tmp_path / "w",
            service=service,
            servers=servers(bank, tracker),
            policy=policy,
            env={"TOKEN": tracker.token},
        )
        [result] = wire.turns("everything", tools=[note])
        sent = service.requests[0].body["tools"]

    assert [one.get("server_label") or one["name"] for one in sent] == ["tracker", "note", "bank__pay"]
    assert_allowed(result, "tracker.list_issues", outcome="policy_allow")
    assert_allowed(result, "bank.pay", outcome="policy_allow")
    assert_denied(result, "local.note", outcome="policy_deny")
    assert (result.text, bank.ran) == ("all of it", ["pay"])
    evidence = {record["tool"]: (record["via"], record["evidence"]) for record in wire.records("outcome")}
    assert evidence == {
        "list_issues": ("hosted", "reported_by_provider"),
        "pay": ("bridge", "executed_here"),
    }


@pytest.mark.promise("bridged-auto")
@pytest.mark.parametrize(
    ("profile", "bridged"),
    [("", False), (", profile: {extends: local, approvals_honoured: false}", True),
     (", profile: {extends: local, hosted_mcp: false}", True)],
    ids=["approvals are honoured", "they are not", "no hosted MCP"],
)  # fmt: skip
def test_via_auto_is_hosted_where_approvals_are_honoured_and_else_bridged_on_record(
    profile: str, bridged: bool, bank: Changing, tmp_path: Path
) -> None:
    script = (
        SCRIPT
        if bridged
        else SCRIPT.replace(
            "call: {name: bank__pay, arguments: {to: DE89}}}]",
            "mcp: {server: bank, tool: pay, arguments: {to: DE89}}}]",
        ).replace("tracker.*", "*")
    )
    with running_in_thread(script) as service:
        wire = Wire(
            folder=tmp_path / "w",
            service=service,
            servers=f'  - {{label: bank, via: auto, url: "{bank.url}"}}\n',
            model_extra=profile,
        )
        [result] = wire.turns("pay")

    assert_allowed(result, "bank.pay")
    assert bank.ran == ["pay"]
    [record] = wire.records("outcome")
    assert record["via"] == ("bridge" if bridged else "hosted")
    fallbacks = [record["server_label"] for record in wire.records("capability_fallback")]
    assert fallbacks == (["bank"] if bridged else [])


@pytest.mark.promise("bridged-gate-alone")
def test_the_gate_alone_offers_and_runs_bridged_tools(bank: Changing, tmp_path: Path) -> None:
    async def talk(gate: Gate, client: AsyncOpenAI) -> str:
        items: list[Any] = [{"role": "user", "content": "pay"}]
        text = ""
        async with gate, client:
            for _ in range(2):
                tools: Any = await gate.tools_async()
                response = await client.responses.create(model="m", tools=tools, input=items)
                items += response.output
                items += await gate.settle(response.output, user_text="pay")
                text = response.output_text
        return text

    with running_in_thread(SCRIPT) as service:
        wire = Wire(
            folder=tmp_path / "w",
            service=service,
            servers=f'  - {{label: bank, via: bridge, url: "{bank.url}"}}\n',
        )
        gate = Gate.from_yaml(load_config(wire.file()), sources=sources({"KEY": service.api_key}))
        client = AsyncOpenAI(base_url=service.base_url, api_key=service.api_key)
        assert asyncio.run(talk(gate, client)).startswith("done")

    assert bank.ran == ["pay"]
    assert [record["outcome"] for record in wire.records("decision")] == ["policy_allow"]


def test_without_a_running_loop_the_gate_says_what_to_write_for_bridged_servers(
    bank: Changing, tmp_path: Path
) -> None:
    with running_in_thread(SCRIPT) as service:
        wire = Wire(
            folder=tmp_path / "w",
            service=service,
            servers=f'  - {{label: bank, via: bridge, url: "{bank.url}"}}\n',
        )
        gate = Gate.from_yaml(load_config(wire.file()), sources=sources({"KEY": service.api_key}))
        with pytest.raises(UsageError, match=r"await gate\.tools_async\(\)"):
            gate.tools()
        with pytest.raises(UsageError, match=r"await gate\.settle"):
            gate.settle_sync([])
        asyncio.run(gate.close())


def test_run_sync_connects_and_leaves_each_time(bank: Changing, tmp_path: Path) -> None:
    with running_in_thread(SCRIPT) as service:
        wire = Wire(
            folder=tmp_path / "w",
            service=service,
            servers=f'  - {{label: bank, via: bridge, url: "{bank.url}"}}\n',
        )
        bridge = wire.bridge()
        first = bridge.run_sync("pay")
        second = bridge.run_sync("pay", conversation=first.conversation)
        bridge.close_sync()

    assert (first.text, second.text) == ("done\n{}", "done\n{}")
    assert bank.ran == ["pay", "pay"]
