"""The others, each in an environment of its own, made once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from benchmarks.audit.job import fields
from benchmarks.policy.peers import Peer, environment, version

WORKERS: Final = Path(__file__).parent / "workers"

PEERS: Final[Mapping[str, Peer]] = MappingProxyType(
    {
        "hashchain": Peer(package="matrym-hashchain", worker="hashchain_append.py"),
        "aiauditlog": Peer(package="aiauditlog", worker="aiauditlog_append.py"),
        "agt": Peer(package="agent-governance-toolkit-core", worker="agt_sink.py"),
    }
)
SYNCS: Final = frozenset({"aiauditlog"})
"""Those that can be told to sync each record; for the others OK means that it was written."""


def per_second(name: str, cache: Path, folder: Path, records: int) -> tuple[str, float]:
    """The package with its version, and records per second of the clock, one writer."""
    peer = PEERS[name]
    python = environment(peer, cache)
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    job = json.dumps({"folder": str(folder), "records": [fields(number) for number in range(records)]})
    done = subprocess.run(
        [python, "-W", "ignore", str(WORKERS / peer.worker)],
        input=job, check=True, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=env,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if not told["right"]:
        raise SystemExit(f"{name}: its own check does not accept what it wrote, so nothing is compared")
    return f"{peer.package} {version(peer, python)}", float(told["per_second"])
