"""The C program: compiled where it is run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_name("raw.c")


def compiled(folder: Path) -> Path | None:
    """The program, or None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    program = folder / "raw"
    subprocess.run([compiler, "-O2", "-o", program, _SOURCE], check=True)
    return program


def seconds(program: Path, file: Path, *, size: int, rounds: int) -> float:
    """For `rounds` batches of `size` bytes, each written and synced."""
    done = subprocess.run([program, file, str(size), str(rounds)], check=True, capture_output=True, text=True)
    return float(done.stdout)
