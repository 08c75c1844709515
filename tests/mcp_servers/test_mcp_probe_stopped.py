"""`servers probe` told to stop while a program that heeds nothing keeps it waiting."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mcp_servers.scene import until
from tests.mcp_servers.test_mcp_programs import STUBBORN, alive, signal_to_send


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.promise("bridged-nothing-left")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_probe_and_the_program(tmp_path: Path, name: str) -> None:
    number = signal_to_send(name)
    script, pid = tmp_path / "stubborn.py", tmp_path / "pid"
    script.write_text(STUBBORN, encoding="utf-8")
    (tmp_path / "policy.yaml").write_text("version: 1\ndefaults: {decision: deny}\nrules: []\n")
    server = {"label": "srv", "via": "bridge", "command": [sys.executable, str(script), str(pid)]}
    config = {"model": {"name": "none", "endpoint": "local"}, "policy": "policy.yaml", "servers": [server]}
    path = tmp_path / "mcpbridge.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "mcpbridge", "servers", "probe", "-c", str(path)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        asyncio.run(until(pid.exists))
        process.send_signal(number)
        try:
            assert process.wait(20) == 128 + number
        finally:
            process.kill()
    assert not alive(int(pid.read_text()))
