"""What the callers of one event loop share."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mcpbridge.audit import AuditLog, read
from mcpbridge.audit.disk import SystemDisk
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record


class CountingDisk(SystemDisk):
    """Remembers how often it synced."""

    def __init__(self) -> None:
        self.syncs = 0

    def sync(self, fd: int, /) -> None:
        self.syncs += 1
        super().sync(fd)


def test_records_of_one_pass_share_one_sync_and_keep_their_order(tmp_path: Path) -> None:
    disk = CountingDisk()

    async def appended() -> list[int]:
        async with AuditLog.open(tmp_path, mask=Mask(), disk=disk) as log:
            before = disk.syncs
            records = (Record(type="decision", fields={"tool": f"t{number}"}) for number in range(16))
            numbers = await asyncio.gather(*map(log.append, records))
            assert disk.syncs == before + 1
            return numbers

    numbers = asyncio.run(appended())
    assert numbers == sorted(numbers)
    assert _tools(tmp_path) == [f"t{number}" for number in range(16)]


def test_what_happened_is_written_though_its_caller_is_cancelled_in_the_same_pass(tmp_path: Path) -> None:
    late = Record(type="execution", phase="post", fields={"tool": "kept"})
    early = Record(type="decision", phase="pre", fields={"tool": "dropped"})

    async def cancelled() -> None:
        async with AuditLog.open(tmp_path, mask=Mask()) as log:
            callers = [asyncio.ensure_future(log.append(record)) for record in (early, late)]
            await asyncio.sleep(0)  # both have appended, nothing was handed over
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)

    asyncio.run(cancelled())
    assert _tools(tmp_path) == ["kept"]


def _tools(directory: Path) -> list[str]:
    return [record["tool"] for record in read(directory) if "tool" in record]
