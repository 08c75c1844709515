"""Starts what the examples talk to: the scripted service and the demo's MCP server, on loopback."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mcpbridge.demo.server import running_in_thread as tracker_running
from mcpbridge.service.running import running_in_thread as service_running


@contextmanager
def local_world(folder: Path) -> Generator[Path, None, None]:
    """Play `folder/script.yaml`; gives a copy of `folder/mcpbridge.yaml` with the tracker's free port."""
    with (
        tempfile.TemporaryDirectory() as copy,
        tracker_running() as tracker,
        service_running(folder / "script.yaml") as service,
    ):
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        config = Path(copy) / "mcpbridge.yaml"
        config.write_text(config.read_text().replace("http://127.0.0.1:8765/mcp", tracker.url))
        os.environ["MCPBRIDGE_LOCAL_URL"] = os.environ["OPENAI_BASE_URL"] = service.base_url
        os.environ["OPENAI_API_KEY"] = service.api_key
        os.environ["TRACKER_TOKEN"] = tracker.token
        yield config
