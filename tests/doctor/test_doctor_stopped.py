"""`mcpbridge doctor` told to stop while the endpoint keeps it waiting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import PATIENCE, Shell, Watched, command
from tests.mcp_servers.test_mcp_programs import signal_to_send

SCRIPT = """
rules: [{then: [{say: Hello.}]}]
faults: [{delay: 600}]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_examination_with_no_report_and_no_profile(name: str, tmp_path: Path) -> None:
    """Naively, SIGTERM ends it in the middle of its request, with the throw-away server still open."""
    number = signal_to_send(name)
    requests: Watched[object] = Watched()
    with running_in_thread(SCRIPT) as service:
        service.requests = requests  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        words = ["doctor", service.base_url, "--key-env", "SERVICE_KEY", "--write", "found.yaml"]
        shell = Shell(folder=tmp_path, env={"SERVICE_KEY": service.api_key})
        with subprocess.Popen(
            command(*words),
            cwd=tmp_path,
            env=shell.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                requests.wait_until(lambda: len(requests) >= 1)
                process.send_signal(number)
                out, err = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()

    assert (process.returncode, out, err) == (128 + number, b"", b"")
    assert list(tmp_path.iterdir()) == []
