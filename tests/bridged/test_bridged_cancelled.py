"""A whole run cancelled at any moment: nothing is left, nothing is made twice, and the log says what ran."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from mcpbridge import Bridge, OutcomeUnknown
from mcpbridge.audit import Status, verify
from mcpbridge.core.conversation import Conversation
from mcpbridge.engine.loop import Turn
from mcpbridge.service.running import running_in_thread
from tests.bridged.wire import Wire
from tests.mcp_servers.passes import Passes, moments, run
from tests.mcp_servers.real import Served, bank
from tests.mcp_servers.scene import PROGRAM, noted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="what is left is counted in /proc")
SCRIPT = """
rules:
  - when: {user: "^pay"}
    then: [{call: {name: bank__TOOL, arguments: {to: "{{seen:pay (.*)}}"}}}]
  - when: {function_output: "*"}
    then: [{say: "{{last_output}}"}]
"""


@dataclass(kw_only=True)
class Scene:
    """A service, a server, and who was paid there."""

    wire: Wire
    paid: Callable[[], list[str]]
    ended: dict[str, str] = field(default_factory=dict[str, str])
    """Who was to be paid → how the run that went on ended."""

    async def story(self, passes: Passes, whom: str) -> None:
        """Cancelled at some moment of the run or of its end; then gone on with, as in another process."""
        turns: list[Turn] = []
        bridge = self.wire.bridge()
        await passes.over(_whole(bridge, whom, turns))
        await bridge.close()
        if not turns:
            return
        async with self.wire.bridge() as again:
            self.ended[whom] = await _gone_on(again, again.loads(again.dumps(turns[0].conversation)))

    def recorded(self) -> dict[str, list[str]]:
        """Who was to be paid → what became of that, in the words of the log."""
        whose: dict[str, str] = {}
        found: dict[str, list[str]] = {}
        for record in self.wire.records("decision", "outcome", "outcome_unknown"):
            name = f"{record['conversation_id']} {record['request_id']}"
            if record["type"] == "decision":
                whose[name] = record["arguments"]["to"]
            else:
                found.setdefault(whose[name], []).append(record["status"])
        return found


@contextmanager
def over_stdio(folder: Path) -> Generator[Scene]:
    calls = folder / "calls"
    command = json.dumps([sys.executable, "-I", "-S", str(PROGRAM)])
    server = f"command: {command}, env: {{CALLS: {json.dumps(str(calls))}}}"

    def paid() -> list[str]:
        return [
            one[1]["to"] for one in noted(calls) if one[0] != "cancelled"
        ]  # it notes what is taken back too

    with scene(folder, "echo", server, paid) as made:
        yield made


@contextmanager
def over_http(folder: Path, how: str = "http", *, place: str = "mcp", more: str = "") -> Generator[Scene]:
    ledger = folder / "ledger"
    served = Served(bank(how, ledger))
    server = f'url: "http://127.0.0.1:{served.port}/{place}"{more}'
    try:
        served.start("Pays.")
        with scene(folder, "pay", server, lambda: ledger.read_text().replace("paid ", "").split()) as made:
            yield made
    finally:
        served.kill()


def over_sse(folder: Path) -> AbstractContextManager[Scene]:
    return over_http(folder, "sse", place="sse", more=", transport: sse")


@contextmanager
def scene(folder: Path, tool: str, server: str, paid: Callable[[], list[str]]) -> Generator[Scene]:
    with running_in_thread(SCRIPT.replace("TOOL", tool)) as service:
        servers = f"  - {{label: bank, via: bridge, {server}}}\n"
        yield Scene(wire=Wire(folder=folder / "w", service=service, servers=servers), paid=paid)


async def _whole(bridge: Bridge, whom: str, turns: list[Turn]) -> None:
    async with bridge:
        turns.append(bridge.turn(f"pay {whom}"))
        await bridge.finish(turns[0])


async def _gone_on(bridge: Bridge, conversation: Conversation) -> str:
    if conversation.finished:
        return conversation.text
    try:
        return (await bridge.run(conversation=conversation)).text
    except OutcomeUnknown:
        return "unknown"


@pytest.mark.promise("bridged-resumable")
@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.parametrize("there", [over_stdio, over_http, over_sse])
def test_wherever_a_run_is_cancelled_twice_its_call_is_made_once_at_most_and_told_as_it_was(
    there: Callable[[Path], AbstractContextManager[Scene]], tmp_path: Path
) -> None:
    with there(tmp_path) as one:
        whole = run(Passes(), partial(one.story, whom="nobody-cancels"))
        for number in moments(whole, every=24):
            run(Passes(number, number + 2), partial(one.story, whom=f"at-{number}"))
    paid, recorded = Counter(one.paid()), one.recorded()
    assert "nobody-cancels" in paid
    assert set(paid.values()) == {1}
    for whom in paid:  # an outcome that was owed may be told again, in the same words
        assert set(recorded[whom]) in ({"completed"}, {"unknown"}), whom
    for whom, end in one.ended.items():
        assert end == "unknown" or whom in paid
    assert verify(tmp_path / "w" / "audit").status is Status.UNSEALED


@pytest.mark.promise("bridged-nothing-left")
def test_closing_a_bridge_again_waits_for_the_same_end(tmp_path: Path) -> None:
    """Naively, the first one to close it has forgotten the connections, and so the second finds none."""

    async def story(passes: Passes) -> None:
        bridge = one.wire.bridge()
        await bridge.run("pay rent")
        await passes.over(bridge.close())
        await bridge.close()

    with over_stdio(tmp_path) as one:
        for number in range(2, 6):
            run(Passes(number), story)
