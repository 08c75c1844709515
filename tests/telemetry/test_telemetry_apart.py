"""Telemetry stands beside the log: whatever becomes of it, the same is decided, done and recorded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mcpbridge
from mcpbridge import Result
from mcpbridge.adapters.telemetry import About, Telemetry, watched_audit
from mcpbridge.audit import MemoryAudit
from mcpbridge.demo.server import running_in_thread
from mcpbridge.ports import Counter, Record, ResultKeeper
from mcpbridge.service.running import running_in_thread as running_service
from tests.telemetry.stage import Heard, Sdk, bridge, decisions, played
from tests.wire.stack import Stack


@pytest.mark.promise("otel-apart")
@pytest.mark.parametrize("broken", ["start", "end"])
def test_a_broken_exporter_changes_nothing(broken: str, heard: Heard, tmp_path: Path) -> None:
    expected, before = played(tmp_path)
    heard.broken = broken

    result, audit = played(tmp_path)

    assert (result.text, result.status) == (expected.text, expected.status)
    assert decisions(audit.records) == decisions(before.records)


@pytest.mark.promise("otel-apart")
def test_a_run_does_not_wait_for_an_exporter_that_blocks(heard: Heard, tmp_path: Path) -> None:
    heard.broken = "blocked"
    audit = MemoryAudit()

    async def scenario() -> Result:
        opened = bridge(tmp_path, audit)
        return await opened.run("hello")

    result = asyncio.run(scenario())

    assert heard.waiting.wait(60)
    assert not heard.blocked.is_set()
    assert result.status == "completed"
    assert audit.records[-1]["type"] == "run_finished"


@pytest.mark.promise("otel-apart")
def test_a_watched_log_can_do_what_it_could_before(heard: Heard) -> None:
    class Keeping(MemoryAudit):
        def keeps_results(self, tool: str) -> bool:
            return tool == "bank.pay"

    class Plain:
        async def append(self, record: Record) -> int:
            return 1

    trace = Telemetry(About(model="m", provider="openai")).trace("conv_1", whole_turn=True)
    assert trace is not None
    keeping, plain = watched_audit(Keeping(), trace), watched_audit(Plain(), trace)

    assert isinstance(keeping, Counter)
    assert isinstance(keeping, ResultKeeper)
    assert (keeping.keeps_results("bank.pay"), keeping.keeps_results("bank.look")) == (True, False)
    assert not isinstance(plain, Counter)
    assert isinstance(plain, ResultKeeper)
    assert plain.keeps_results("bank.pay") is False


_RUN = """
import asyncio, sys
from pathlib import Path
from mcpbridge import Bridge
from mcpbridge.config import load_config_text
from mcpbridge.testing import MemoryAudit, ScriptedModel, message, response

folder = Path(sys.argv[1])
(folder / "policy.yaml").write_text("version: 1\\ndefaults: {decision: ask}\\nrules: []\\n")
text = 'model: {name: m, endpoint: openai, api_key: "${env:K}"}\\npolicy: ./policy.yaml\\n'
audit = MemoryAudit()

async def main():
    config = load_config_text(text, file="mcpbridge.yaml", directory=folder)
    model = ScriptedModel([response(message("ok"))])
    async with Bridge.from_yaml(config, model=model, audit=audit, state_key=bytes(32)) as bridge:
        await bridge.run("hello")

asyncio.run(main())
assert not [name for name in sys.modules if name.startswith("opentelemetry")], "loaded"
assert audit.records and not [record for record in audit.records if "trace_id" in record]
"""


@pytest.mark.promise("otel-free")
def test_without_an_sdk_nothing_of_it_is_loaded_or_recorded(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(mcpbridge.__file__).parents[1])}

    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.promise("otel-not-sent")
def test_no_trace_id_leaves_for_the_endpoint_or_a_hosted_server(heard: Heard, tmp_path: Path) -> None:
    with running_in_thread() as tracker, running_service("rules: [{then: [{say: hello}]}]") as endpoint:
        Stack(folder=tmp_path, endpoint=endpoint, tracker=tracker).run("hello")
        sent = [(dict(one.headers), one.raw.decode()) for one in endpoint.requests]

    assert heard.named("invoke_agent mcpbridge")
    assert sent
    assert "traceparent" not in repr(sent).lower()


def points(sdk: Sdk, metric: str, attribute: str) -> dict[str, float]:
    """The metric's sums (or counts of measurements) by one attribute."""
    found: dict[str, float] = {}
    for point in sdk.metrics().get(metric, ()):
        name = str(point.attributes.get(attribute))
        found[name] = found.get(name, 0) + getattr(point, "sum", getattr(point, "value", 0))
    return found


def test_metrics_count_decisions_denials_and_tokens(heard: Heard, sdk: Sdk, tmp_path: Path) -> None:
    watched = {
        "mcpbridge.decisions": "mcpbridge.outcome",
        "mcpbridge.denials": "mcpbridge.outcome",
        "gen_ai.client.token.usage": "gen_ai.token.type",
    }
    before = {metric: points(sdk, metric, name) for metric, name in watched.items()}

    played(tmp_path)

    after = {metric: points(sdk, metric, name) for metric, name in watched.items()}
    more = {
        metric: {name: found - before[metric].get(name, 0) for name, found in after[metric].items()}
        for metric in watched
    }
    assert more["mcpbridge.decisions"] == {
        "human_allow": 1, "human_deny": 1, "policy_allow": 1, "policy_deny": 1,
    }  # fmt: skip
    assert more["mcpbridge.denials"] == {"human_deny": 1, "policy_deny": 1}
    assert more["gen_ai.client.token.usage"] == {"input": 22, "output": 14}


def test_durations_are_measured_of_requests_turns_calls_and_answers(
    heard: Heard, sdk: Sdk, tmp_path: Path
) -> None:
    played(tmp_path)

    measured = points(sdk, "gen_ai.client.operation.duration", "gen_ai.operation.name")
    assert set(measured) == {"chat", "invoke_agent", "execute_tool"}
    assert sum(point.count for point in sdk.metrics()["mcpbridge.approval.duration"]) >= 2
