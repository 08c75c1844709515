"""The Open Responses compliance tests, as PyPI has them, against the service."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mcpbridge.service.endpoint import LocalEndpoint

# A name that their suite takes for a reasoning model: with others it skips what it asks about reasoning.
MODEL = "o3-planner"
# Their one advisory test: the service compacts nothing and says so with 404, which they allow with a warning.
ADVISORY = "compact-response"


@pytest.mark.promise("open-responses")
def test_the_open_responses_compliance_tests_pass(planner: LocalEndpoint) -> None:
    command = [sys.executable, "-m", "llm_comply.cli", "--json", "-u", planner.base_url, "-m", MODEL]
    environment = {**os.environ, "OPENRESPONSES_API_KEY": planner.api_key, "NO_PROXY": "127.0.0.1"}

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    report = json.loads(done.stdout)
    failed = [test for test in report["results"] if test["status"] != "passed"]
    assert failed == []
    assert report["summary"] == {"total": 13, "passed": 13, "failed": 0, "skipped": 0}
    assert [test["id"] for test in report["results"] if test.get("warnings")] == [ADVISORY]
    assert done.returncode == 0
