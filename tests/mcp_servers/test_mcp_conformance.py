"""The official conformance suite against our toolbox, one scenario a test.

What the SDK itself cannot do stands in LACKING, and must go on failing: then it is taken out of the list.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.mcp_servers.packages import CONFORMANCE, NODE_22, node_22, npm, once

pytestmark = pytest.mark.node

ROOT: Final = Path(__file__).parents[2]
_AUTH: Final = (
    "auth/metadata-default", "auth/metadata-var1", "auth/metadata-var2", "auth/metadata-var3",
    "auth/basic-cimd", "auth/scope-from-www-authenticate", "auth/scope-from-scopes-supported",
    "auth/scope-omitted-when-undefined", "auth/scope-step-up", "auth/scope-retry-limit",
    "auth/token-endpoint-auth-basic", "auth/token-endpoint-auth-post", "auth/token-endpoint-auth-none",
    "auth/pre-registration",
)  # fmt: skip
_BEYOND: Final = (
    "auth/client-credentials-jwt",
    "auth/client-credentials-basic",
    "json-schema-2020-12-preservation",
)
"""Not required, and promised all the same."""

SCENARIOS: Final[Mapping[str, tuple[str, ...]]] = {
    "2025-11-25": (
        "initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry", *_AUTH, *_BEYOND,
    ),
    "2026-07-28": (
        "tools_call", "request-metadata", *_AUTH, "auth/resource-mismatch", "auth/offline-access-scope",
        "auth/offline-access-not-supported", "auth/authorization-server-migration", "auth/iss-supported",
        "auth/iss-not-advertised", "auth/iss-supported-missing", "auth/iss-wrong-issuer",
        "auth/iss-unexpected", "auth/iss-normalized", "auth/metadata-issuer-mismatch",
        "sep-2322-client-request-state",
        "http-standard-headers", "http-custom-headers", "http-invalid-tool-headers",
        "json-schema-ref-no-deref", *_BEYOND,
    ),
}  # fmt: skip
REQUIRED: Final = {"2025-11-25": 18, "2026-07-28": 32}
LACKING: Final = ("auth/dpop", "auth/dpop-nonce", "auth/wif-jwt-bearer")
"""mcp 2.3.0 has no DPoP and no workload identity; none of them is required."""


@pytest.fixture(scope="session")
def suite(shared: Path) -> list[str]:
    """The command that runs it."""
    modules = once("conformance", shared, lambda folder: npm(folder, CONFORMANCE, NODE_22))
    program = modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    return [node_22(modules), str(program)]


def ran(suite: list[str], scenario: str, version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    client = f"{sys.executable} -m tests.mcp_servers.conformance_client"
    command = [*suite, "client", "--command", client, "--scenario", scenario, "--spec-version", version,
               "--timeout", "45000", "--output-dir", str(folder)]  # fmt: skip
    if scenario in (*_BEYOND, *LACKING):
        command.append(
            "--force"
        )  # extensions belong to no revision, and are skipped without a word otherwise
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )
    assert "SKIPPED" not in done.stdout
    return done


@pytest.mark.promise("bridged-conformance")
@pytest.mark.parametrize(
    ("version", "scenario"),
    [(version, scenario) for version, scenarios in SCENARIOS.items() for scenario in scenarios],
)
def test_a_scenario_passes_through_our_connections(
    suite: list[str], tmp_path: Path, version: str, scenario: str
) -> None:
    done = ran(suite, scenario, version, tmp_path)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize("version", list(SCENARIOS))
def test_every_client_scenario_that_a_revision_requires_is_run(suite: list[str], version: str) -> None:
    done = subprocess.run(
        [*suite, "list", "--client", "--requirements", version], capture_output=True, text=True, check=True
    )
    required = done.stdout.partition("Client scenarios")[2].partition("Run and reported")[0]
    names = {line.strip()[2:].strip() for line in required.splitlines() if line.strip().startswith("- ")}
    assert len(names) == REQUIRED[version]
    assert names <= set(SCENARIOS[version])


@pytest.mark.parametrize("scenario", LACKING)
def test_what_the_sdk_lacks_is_still_lacking(suite: list[str], tmp_path: Path, scenario: str) -> None:
    assert ran(suite, scenario, "2026-07-28", tmp_path).returncode != 0
