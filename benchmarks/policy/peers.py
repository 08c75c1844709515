"""The others: what they are called, and an environment of its own for each, made once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

WORKERS: Final = Path(__file__).parent / "workers"
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One of the others: its package, and which of the workers drives it."""

    package: str
    worker: str


PEERS: Final[Mapping[str, Peer]] = MappingProxyType(
    {
        "cedar": Peer(package="cedarpy", worker="cedar.py"),
        "inspect-ai": Peer(package="inspect-ai", worker="inspect_approval.py"),
        "agt": Peer(package="agent-governance-toolkit-core", worker="agt.py"),
    }
)


def environment(peer: Peer, cache: Path) -> Path:
    """The interpreter of an environment that has the package; asks the package index the first time."""
    folder = cache / peer.package
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        print(f"making an environment for {peer.package} in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", peer.package], check=True)
        done.touch()
    return python


def version(peer: Peer, python: Path) -> str:
    """Of the package, as installed."""
    code = f"from importlib.metadata import version; print(version({peer.package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


class Worker:
    """A process that decides when it is told to."""

    def __init__(self, python: Path | str, script: str, task: str, *, ours: bool = False) -> None:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if ours:
            env["PYTHONPATH"] = str(ROOT)
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", str(WORKERS / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        self.right = bool(self._say(task)["right"])
        """Whether it decided every call as it should."""

    def per_second(self, seconds: float) -> float:
        """Decisions for each second of CPU, over one batch."""
        return float(self._say(str(seconds))["per_second"])

    def _say(self, line: str) -> dict[str, Any]:
        stdin, stdout = self._pipes()
        stdin.write(line + "\n")
        stdin.flush()
        answer = stdout.readline()
        if not answer:
            raise SystemExit(f"{self._process.args!r} ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def end(self) -> None:
        """Its input ends, and so does it."""
        stdin, stdout = self._pipes()
        stdin.close()
        self._process.wait()
        stdout.close()
