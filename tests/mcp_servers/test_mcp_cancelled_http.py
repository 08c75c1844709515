"""The same over HTTP: cancelled at any moment, and again, against a real server in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.adapters.mcp_servers.settings import Bounds, HttpAddress, Protocol
from mcpbridge.adapters.mcp_servers.toolbox import ServerToolbox
from mcpbridge.errors import OutcomeLost
from tests.mcp_servers.passes import Passes, moments, run
from tests.mcp_servers.real import Served, bank
from tests.mcp_servers.scene import call, toolbox, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="what is left is counted in /proc")
BOUNDS = Bounds(backoff=0.0, goodbye=0.5)
WAYS: list[tuple[Any, Protocol]] = [("http", "legacy"), ("http", "2026-07-28"), ("sse", "auto")]


@dataclass(frozen=True, kw_only=True)
class Bank:
    """The server that runs, reached in one way."""

    address: HttpAddress
    protocol: Protocol
    ledger: Path

    def box(self) -> AbstractAsyncContextManager[ServerToolbox]:
        return toolbox(self.address, bounds=BOUNDS, protocol=self.protocol)

    def entries(self) -> int:
        return len(self.ledger.read_text(encoding="utf-8").splitlines()) if self.ledger.exists() else 0


@pytest.fixture(scope="module", params=WAYS, ids=["http, older", "http, newer", "sse"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Bank]:
    how, protocol = request.param
    ledger = tmp_path_factory.mktemp("bank") / "ledger"
    served = Served(bank(how, ledger))
    url = f"http://127.0.0.1:{served.port}/{'sse' if how == 'sse' else 'mcp'}"
    try:
        served.start("Pays.")
        yield Bank(address=HttpAddress(url=url, transport=how), protocol=protocol, ledger=ledger)
    finally:
        served.kill()


async def opening(passes: Passes, there: Bank) -> None:
    async with there.box() as box:
        await passes.over(box.tools())
        assert (await call(box, "pay", {"to": "rent"})).parts == "paid rent"


async def calling(passes: Passes, there: Bank) -> None:
    async with there.box() as box:
        await box.tools()
        await passes.over(call(box, "pay", {"to": "once"}))
        assert (await call(box, "pay", {"to": "rent"})).parts == "paid rent"


async def closing(passes: Passes, there: Bank) -> None:
    async with there.box() as box:
        await box.tools()
        await passes.over(box.close())


async def closing_in_a_call(passes: Passes, there: Bank) -> None:
    async with there.box() as box:
        await box.tools()
        before = there.entries()
        slow = asyncio.create_task(call(box, "pay_slowly", {"to": "late"}))
        await until(lambda: there.entries() > before)
        await passes.over(box.close())
    await asyncio.wait({slow})
    assert isinstance(slow.exception(), OutcomeLost)


@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.parametrize("story", [opening, calling, closing, closing_in_a_call])
def test_over_http_too_nothing_is_left_behind_wherever_it_is_cancelled_twice(
    story: Callable[[Passes, Bank], Awaitable[None]], there: Bank
) -> None:
    whole = run(Passes(), lambda passes: story(passes, there))
    for number in moments(whole, every=8):
        run(Passes(number, number + 2), lambda passes: story(passes, there))
