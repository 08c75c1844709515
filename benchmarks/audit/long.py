"""A long log: written once, then verified and opened by processes of their own, so that memory is theirs."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.audit.job import fields
from mcpbridge.audit.disk import SystemDisk
from mcpbridge.audit.encode import Encoder
from mcpbridge.audit.keeping import Keeping
from mcpbridge.audit.keys import open_keys
from mcpbridge.audit.lock import ProcessLock
from mcpbridge.audit.logfile import LOCK_NAME, LogFile
from mcpbridge.audit.redact import Redactor
from mcpbridge.audit.seal import Rhythm
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Record

ROOT: Final = Path(__file__).parents[2]
_ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": str(ROOT)}
_BATCH: Final = 1_000
_FILLER: Final = "The request came from the nightly run. " * 14
"""Makes a line about 1.2 KB, as AUDIT has it."""
_VERIFY: Final = """
import json, sys, time
from mcpbridge.audit import verify
begun = time.perf_counter()
found = verify(sys.argv[1])
seconds = time.perf_counter() - begun
print(json.dumps({"records": found.records, "flaws": len(found.flaws), "seconds": seconds}), flush=True)
sys.stdin.read()
"""
_EVERY: Final = 0.02
"""Seconds between two looks at the memory of the processes."""
_OPEN: Final = """
import asyncio, json, sys, time
from mcpbridge.audit import AuditLog
from mcpbridge.core.secret import Mask
async def main():
    begun = time.perf_counter()
    log = AuditLog.open(sys.argv[1], mask=Mask())
    print(json.dumps({"ms": (time.perf_counter() - begun) * 1e3}))
    await log.close()
asyncio.run(main())
"""


class DoesNotSync(SystemDisk):
    """For making the log only."""

    def sync(self, fd: int, /) -> None:
        pass


def make(directory: Path, records: int) -> None:
    """A log of that many records, with a checkpoint after each thousand."""
    directory.mkdir(parents=True)
    lock = ProcessLock(directory / LOCK_NAME)
    keys = open_keys(directory, SystemDisk())
    encoder = Encoder(mask=Mask(), keeping=Keeping(), redactor=Redactor(keys.hmac_key))
    file = LogFile(
        directory,
        disk=DoesNotSync(),
        lock=lock,
        encoder=encoder,
        keys=keys,
        rhythm=Rhythm(segment_bytes=1 << 40),
    )
    for first in range(0, records, _BATCH):
        file.commit(
            [
                encoder.encode(
                    Record(type="decision", phase="pre", fields={**fields(number), "reason": _FILLER})
                )
                for number in range(first, min(first + _BATCH, records))
            ]
        )
        file.checkpoint()
    file.close()
    with (directory / "audit.jsonl").open("rb+") as made:
        os.fsync(made.fileno())


def crash(directory: Path) -> None:
    """As after a power failure: the last 500 records are not sealed, and the last one is torn."""
    path = directory / "audit.jsonl"
    data = path.read_bytes()[-2_000_000:]
    sealed = data.rfind(b'","type":"checkpoint",')
    cut = data.rfind(b"\n", 0, data.rfind(b"\n", 0, sealed)) - 100
    os.truncate(path, path.stat().st_size - len(data) + cut)


def verified(directory: Path) -> dict[str, Any]:
    """How long a verification takes, and the most memory that it needs: the peaks of the processes that were
    there at one time, added up."""
    peak = 0.0
    with subprocess.Popen(
        [sys.executable, "-c", _VERIFY, str(directory)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while not select.select([process.stdout], [], [], _EVERY)[0]:
            peak = max(peak, _peaks(process.pid))
        peak = max(peak, _peaks(process.pid))
        found: dict[str, Any] = json.loads(process.stdout.readline())
    return {**found, "mib": peak}


def _peaks(parent: int) -> float:
    """MiB of a process and of those it has started. `ru_maxrss` would not do: a new process takes over what
    the one that started it had until then. So it is not looked at before it runs something of its own."""
    first = Path(f"/proc/{parent}")
    peak = _peak(first)
    for pid in (first / "task" / str(parent) / "children").read_text("ascii").split():
        with suppress(OSError):  # it has ended
            child = Path(f"/proc/{pid}")
            if (child / "cmdline").read_bytes() != (first / "cmdline").read_bytes():
                peak += _peak(child)
    return peak


def _peak(process: Path) -> float:
    for line in (process / "status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def opened_ms(directory: Path) -> float:
    return float(_run(_OPEN, directory)["ms"])


def _run(code: str, directory: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", code, str(directory)],
        check=True, capture_output=True, text=True, env=_ENVIRONMENT,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found
