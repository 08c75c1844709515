"""The official conformance suite's server scenarios against the gateway, one scenario a test.

Behind the gateway stands `everything.py`. What the gateway does not do stands in `conformance_baseline.yaml`,
check by check, with the reason; a check that passes must not stand there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from mcpbridge.service.loopback import in_thread
from tests.gateway.scene import over_http
from tests.long import LONG
from tests.mcp_servers.packages import CONFORMANCE, NODE_22, node_22, npm, once

pytestmark = pytest.mark.node

EVERYTHING: Final = Path(__file__).with_name("everything.py")
BASELINE: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = yaml.safe_load(
    Path(__file__).with_name("conformance_baseline.yaml").read_text(encoding="utf-8")
)["versions"]
_BOTH: Final = (
    "completion-complete", "tools-list", "tools-call-simple-text", "tools-call-image", "tools-call-audio",
    "tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-error",
    "tools-call-with-progress", "json-schema-2020-12", "server-sse-multiple-streams",
    "dns-rebinding-protection", "resources-list", "resources-read-text", "resources-read-binary",
    "resources-templates-read", "prompts-list", "prompts-get-simple", "prompts-get-with-args",
    "prompts-get-embedded-resource", "prompts-get-with-image",
)  # fmt: skip
_ROUNDS: Final = (
    "basic-elicitation", "basic-sampling", "basic-list-roots", "request-state", "multiple-input-requests",
    "multi-round", "missing-input-response", "non-tool-request", "result-type", "unsupported-methods",
    "tampered-state", "capability-check", "ignore-extra-params", "validate-input",
)  # fmt: skip
SCENARIOS: Final[Mapping[str, tuple[str, ...]]] = {
    "2025-11-25": (
        "server-initialize", "server-session-lifecycle", "logging-set-level", "ping",
        "tools-call-with-logging", "tools-call-sampling", "tools-call-elicitation",
        "elicitation-sep1034-defaults", "elicitation-sep1330-enums", "server-sse-polling",
        "resources-subscribe", "resources-unsubscribe", *_BOTH,
    ),
    "2026-07-28": (
        "server-stateless", "sep-2164-resource-not-found", "caching", "http-header-validation",
        "http-custom-header-server-validation", *_BOTH,
        *(f"input-required-result-{name}" for name in _ROUNDS),
    ),
}  # fmt: skip
_RUN: Final[list[tuple[str, str]]] = [
    (version, scenario)
    for version, scenarios in SCENARIOS.items()
    for scenario in scenarios
    if LONG or scenario not in BASELINE.get(version, {})
]
"""LONG runs those too that the gateway does not pass, to see that the baseline still says what is so."""
_NOT_PASSED: Final = ("FAILURE", "WARNING")
_EXTENSIONS: Final = ("tasks-", "sep-2640-")
"""Of no revision; the gateway offers none of them."""


@pytest.fixture(scope="session")
def suite(shared: Path) -> list[str]:
    """The command that runs it."""
    modules = once("conformance", shared, lambda folder: npm(folder, CONFORMANCE, NODE_22))
    program = modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    return [node_22(modules), str(program)]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mapping[str, str], None, None]:
    """Revision → a gateway; its server speaks the protocol of that revision."""
    with ExitStack() as stack:
        folders = {version: tmp_path_factory.mktemp("conformance") for version in SCENARIOS}
        yield {version: stack.enter_context(serving(folder, version)) for version, folder in folders.items()}


def serving(folder: Path, version: str) -> AbstractContextManager[str]:
    (folder / "policy.yaml").write_text(
        "version: 1\ndefaults: {decision: deny}\nrules: [{id: all, effect: allow, tools: ['all.*']}]\n"
    )
    server = {
        "label": "all",
        "via": "bridge",
        "command": [sys.executable, str(EVERYTHING)],
        "protocol": "legacy" if version == "2025-11-25" else version,
        "elicitation": "ask",
    }
    config = {
        "model": {"name": "none", "endpoint": "local"},
        "servers": [server],
        "policy": "policy.yaml",
        "audit": {"path": "audit"},
    }
    (folder / "mcpbridge.yaml").write_text(json.dumps(config))
    return in_thread(partial(over_http, folder, "--names", "plain", "--ask", "client"))


def ran(suite: list[str], url: str, scenario: str, version: str, folder: Path) -> list[dict[str, Any]]:
    """The checks of a scenario."""
    command = [*suite, "server", "--url", url, "--scenario", scenario, "--spec-version", version,
               "--output-dir", str(folder)]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )
    files = list(folder.glob("*/checks.json"))
    assert len(files) == 1, done.stdout[-3_000:] + done.stderr[-2_000:]
    checks: list[dict[str, Any]] = json.loads(files[0].read_text(encoding="utf-8"))
    assert checks
    return checks


@pytest.mark.promise("gateway-conformance")
@pytest.mark.parametrize(("version", "scenario"), _RUN)
def test_a_scenario_passes_but_for_what_the_baseline_explains(
    suite: list[str], urls: Mapping[str, str], tmp_path: Path, version: str, scenario: str
) -> None:
    checks = ran(suite, urls[version], scenario, version, tmp_path)
    failed = {check["id"]: check.get("errorMessage") for check in checks if check["status"] in _NOT_PASSED}
    explained = BASELINE.get(version, {}).get(scenario, {})
    assert {name: why for name, why in failed.items() if name not in explained} == {}, "not in the baseline"
    assert sorted(explained.keys() - failed.keys()) == [], "these pass: take them out of the baseline"


def test_every_scenario_of_the_suite_is_run_or_is_an_extension(suite: list[str]) -> None:
    done = subprocess.run([*suite, "list", "--server"], capture_output=True, text=True, check=True)
    lines = [line.strip()[2:] for line in done.stdout.splitlines() if line.strip().startswith("- ")]
    for name, _, versions in (line.partition(" ") for line in lines):
        for version, scenarios in SCENARIOS.items():
            assert (version in versions) == (name in scenarios), f"{name} in {version}"
        assert name.startswith(_EXTENSIONS) == ("extension" in versions)


def test_every_line_of_the_baseline_says_why() -> None:
    for version, scenarios in BASELINE.items():
        assert scenarios.keys() <= set(SCENARIOS[version])
        assert all(len(why) > 20 for checks in scenarios.values() for why in checks.values())
