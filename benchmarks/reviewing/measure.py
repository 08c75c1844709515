"""Runs `mcpbridge audit …` on a log, each command in a process of its own: time, CPU, memory, output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_RUN: Final = """
import contextlib, io, json, pathlib, re, resource, sys, time
from mcpbridge.cli.main import main
begin, lines = time.perf_counter(), io.StringIO()
with contextlib.redirect_stdout(lines):
    code = main(json.loads(sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_SELF)
status = pathlib.Path("/proc/self/status")
if status.exists():  # here ru_maxrss has the memory of whoever started this process in it
    size = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) / 1024
else:
    size = used.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
text = lines.getvalue()
print(json.dumps({"code": code, "cpu": used.ru_utime + used.ru_stime, "seconds": time.perf_counter() - begin,
                  "megabytes": size, "text": text}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One command."""

    command: str
    code: int
    seconds: float
    """Of wall clock, from the start of the process to its end but for loading Python."""
    cpu: float
    """Seconds, all of the process."""
    megabytes: float
    """The most memory it had."""
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n")


def measured(words: Sequence[str]) -> Measured:
    """Run `mcpbridge audit` with these words."""
    command = [sys.executable, "-c", _RUN, json.dumps(["audit", *words])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    shown = " ".join(Path(word).name if "/" in word else word for word in words)
    return Measured(command=shown, **found)
