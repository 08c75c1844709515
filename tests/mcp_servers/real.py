"""Real servers for tests: their exact versions, where they lie, and how they are started and killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.cli_run.everything import free_port
from tests.mcp_servers.packages import npm, once, python

NODE_SERVERS: Final = tuple(
    f"@modelcontextprotocol/server-{name}@2026.8.31" for name in ("everything", "filesystem", "memory")
)
PYTHON_SERVERS: Final[Mapping[str, tuple[str, ...]]] = {
    # The SDK is pinned too: it decides which protocol a server speaks. The last one needs an SDK before 2.
    "mcp-server-git": ("mcp-server-git==2026.10.19", "mcp==2.3.0"),
    "mcp-server-time": ("mcp-server-time==2026.10.19", "mcp==2.3.0"),
    "mcp-server-sqlite": ("mcp-server-sqlite==2025.4.25", "mcp==1.30.0"),
}
BANK: Final = Path(__file__).with_name("bank.py")
_PATIENCE: Final = 30.0


def node_servers(shared: Path) -> Path:
    """The folder in which npm's servers lie."""
    return once("servers", shared, lambda folder: npm(folder, *NODE_SERVERS)) / "@modelcontextprotocol"


def node_server(shared: Path, name: str) -> tuple[str, str]:
    """The command of `server-NAME`."""
    return "node", str(node_servers(shared) / f"server-{name}" / "dist" / "index.js")


def python_server(shared: Path, package: str) -> str:
    """The program of a PyPI server, in an environment of its own."""
    return str(once(package, shared, lambda folder: python(folder, *PYTHON_SERVERS[package])) / package)


def started_with(command: Sequence[str]) -> list[int]:
    """Children of this process that were started so. A script's interpreter comes first in its words."""
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal() and _is_child(folder, list(command))
    ]


def _is_child(folder: Path, command: list[str]) -> bool:
    try:
        words = [word.decode() for word in (folder / "cmdline").read_bytes().split(b"\0")[:-1]]
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return False
    return parent == os.getpid() and words[-len(command) :] == command


def kill(command: Sequence[str]) -> None:
    """Every program that was started so."""
    for pid in started_with(command):
        os.kill(pid, signal.SIGKILL)


@dataclass(slots=True)
class Served:
    """A program that serves on a port of its own, where it can be killed and started again."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """With further words; until it takes connections."""
        self._process = subprocess.Popen(
            [*(word.replace("PORT", str(self.port)) for word in self.command), *more],
            env={**os.environ, "PORT": str(self.port), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _PATIENCE
        while not self._listens():
            assert self._process.poll() is None, "it ended by itself"
            assert time.monotonic() < end, "it does not listen"
            time.sleep(0.02)  # another process starts; nothing here can be waited for

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def again(self, *more: str) -> None:
        """Killed, and started anew on the same port."""
        self.kill()
        self.start(*more)


def bank(how: str, ledger: Path, port: str = "PORT") -> tuple[str, ...]:
    """The command of the bank, but for the description of its tool."""
    return sys.executable, str(BANK), how, port, str(ledger)
