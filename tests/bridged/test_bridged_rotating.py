"""Credentials that a program's own code hands out, as the page on bridged servers shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.service.running import running_in_thread
from tests.bridged.wire import ALL
from tests.cli_other.shared import environment
from tests.mcp_servers.web import Web, said

SCRIPT = """
rules:
  - when: {user: ".*"}
    then: [{call: {name: warehouse__echo, arguments: {}}}]
  - when: {function_output: "*"}
    then: [{say: "It says: {{last_output}}"}]
"""


@pytest.mark.promise("bridged-callable-headers")
def test_the_documented_header_is_asked_for_anew_and_never_told(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "bridged.md").read_text(encoding="utf-8")
    program = re.search(r"## Credentials from your own code\n.*?```python\n(.*?)```", page, re.DOTALL)
    assert program is not None
    token = tmp_path / "token"
    token.write_text("canary-first\n")
    (tmp_path / "policy.yaml").write_text(ALL)

    def listed(_: dict[str, Any], __: object) -> Mapping[str, Any]:
        token.write_text("canary-second\n")
        return {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}

    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as site, running_in_thread(SCRIPT) as service:
        web = Web(site)
        web.on |= {"tools/list": listed, "tools/call": lambda _, __: said("canary-second came")}
        (tmp_path / "mcpbridge.yaml").write_text(
            f'model: {{name: m, endpoint: local, url: "{service.base_url}", api_key: "${{env:KEY}}"}}\n'
            "policy: policy.yaml\naudit: {path: audit}\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program[1].replace("https://mcp.internal.example/mcp", web.url)],
            cwd=tmp_path,
            env=environment(KEY=service.api_key),
            capture_output=True,
            text=True,
            check=False,
        )

    sent = {method: headers.get("Authorization") for method, headers in web.seen}
    assert (sent["initialize"], sent["tools/call"]) == ("Bearer canary-first", "Bearer canary-second")
    assert (done.stdout, done.returncode) == ("It says: [secret] came\n", 0), done.stderr
    assert "canary" not in (tmp_path / "audit" / "audit.jsonl").read_text()
