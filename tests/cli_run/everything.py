"""The reference server `@modelcontextprotocol/server-everything` from npm, over streamable HTTP."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGE = "@modelcontextprotocol/server-everything@2026.8.31"
_ATTEMPTS = 5
_PATIENCE = 120.0
"""Seconds for npm, which may have to download."""


def install(folder: Path) -> list[str]:
    """Install the package into `folder`; the command that starts it. Skips where that cannot be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("node and npm are not installed")
    try:
        done = subprocess.run(
            [npm, "install", "--prefix", str(folder), "--prefer-offline", "--no-audit", "--no-fund",
             "--ignore-scripts", "--fetch-retries=0", PACKAGE],
            capture_output=True, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        missing(f"npm did not install {PACKAGE} within {_PATIENCE:g} s")
    if done.returncode != 0:
        missing(f"npm could not install {PACKAGE}: {done.stderr[-500:]}")
    home = folder / "node_modules" / "@modelcontextprotocol" / "server-everything"
    return [node, str(home / "dist" / "index.js"), "streamableHttp"]


def missing(why: str) -> NoReturn:
    """Skip, or fail where the environment demands Node."""
    if "node" in os.environ.get("MCPBRIDGE_REQUIRE", "").split(","):
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def running(command: list[str]) -> Generator[str]:
    """Its URL, while it runs. The port may be taken by somebody else in between: then another one."""
    said = ""
    for _ in range(_ATTEMPTS):
        port = free_port()
        with subprocess.Popen(
            command,
            env={**os.environ, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                ready, said = _listens(process)
                if ready:
                    with _unread(process):
                        yield f"http://127.0.0.1:{port}/mcp"
                    return
            finally:
                process.kill()
    raise AssertionError(f"the server did not start: {said}")


def _listens(process: subprocess.Popen[str]) -> tuple[bool, str]:
    """Whether it says that it listens, or ends; and what it said."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "listening on port" in line:
            return True, said
    return False, said


@contextmanager
def _unread(process: subprocess.Popen[str]) -> Generator[None]:
    """What it says from now on is thrown away, so that it never waits for a reader."""
    assert process.stderr is not None
    thread = threading.Thread(target=process.stderr.read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        process.kill()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
