"""Functions that read resources and prompts, on the command line: listed, probed, pinned, checked."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.bridged.library import Library, library
from tests.cli_run.shell import Shell

NAMES = ["list_resources", "list_resource_templates", "read_resource", "list_prompts", "get_prompt"]
POLICY = """
version: 1
defaults: {decision: ask}
rules:
  - {id: reads, effect: allow, tools: [lib.read_resource], when: {uri: {starts_with: "demo://"}}}
pins: {file: tools.lock}
"""


@pytest.fixture
def lib() -> Generator[Library, None, None]:
    with library() as found:
        yield found


def configured(folder: Path, lib: Library, *, via: str = "bridge", profile: str = "local") -> Shell:
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "mcpbridge.yaml").write_text(
        f"model: {{name: m, endpoint: 'https://models.example/v1', profile: {profile}}}\nservers:\n"
        f'  - {{label: lib, via: {via}, url: "{lib.web.url}", allowed_tools: [echo], '
        "offer: [resources, prompts]}\n"
        "policy: policy.yaml\naudit: {path: audit}\n"
    )
    return Shell(folder=folder, env={})


@pytest.mark.promise("bridged-offer")
@pytest.mark.parametrize(
    ("via", "profile"), [("bridge", "local"), ("auto", "{extends: local, hosted_mcp: false}")]
)
def test_they_are_listed_wherever_tools_are(lib: Library, tmp_path: Path, via: str, profile: str) -> None:
    shell = configured(tmp_path, lib, via=via, profile=profile)

    listed = shell.mcpbridge("servers", "list")
    probed = shell.mcpbridge("servers", "probe", "--json")
    pinned = shell.mcpbridge("pin")
    checked = shell.mcpbridge("check")
    policy = shell.mcpbridge("policy", "check", "-c", "mcpbridge.yaml", "--probe", "--json")
    drafted = shell.mcpbridge("policy", "draft", "-c", "mcpbridge.yaml")

    assert f"  offers   {', '.join(NAMES)} (resources, prompts)" in listed.out
    [probe] = probed.json["servers"]
    assert [tool["name"] for tool in probe["tools"] if tool["allowed"]] == ["echo", *NAMES]
    lock = json.loads((tmp_path / "tools.lock").read_text())
    assert sorted(lock["servers"]["lib"]["tools"]) == sorted(["echo", *NAMES])
    assert "1 tool, offers resources and prompts" in checked.out
    assert [one.code for one in (pinned, checked, drafted)] == [0, 0, 0], checked.err + drafted.err
    assert "lib.read_resource" in drafted.out
    assert "unknown-tool" not in policy.out


def test_a_server_that_lacks_them_is_told_by_the_probe(tmp_path: Path) -> None:
    with library(capabilities={"tools": {}, "prompts": {}}) as lib:
        shell = configured(tmp_path, lib)
        probed = shell.mcpbridge("servers", "probe")

    assert probed.code == 0
    assert "  LEFT OUT read_resource: the server has no resources" in probed.out


def test_where_the_provider_connects_it_is_told_that_nothing_is_offered(lib: Library, tmp_path: Path) -> None:
    shell = configured(tmp_path, lib, via="auto")

    checked = shell.mcpbridge("check")

    assert checked.code == 0
    assert "warning: server 'lib': this endpoint connects to it, and then offer adds nothing" in checked.out


@pytest.mark.parametrize(("uri", "effect"), [("demo://tides", "allow"), ("file:///etc/passwd", "ask")])
def test_a_rule_is_explained_by_the_names_of_our_functions(
    lib: Library, tmp_path: Path, uri: str, effect: str
) -> None:
    shell = configured(tmp_path, lib)
    (tmp_path / "call.json").write_text(json.dumps({"tool": "lib.read_resource", "arguments": {"uri": uri}}))

    explained = shell.mcpbridge("policy", "explain", "call.json", "-c", "mcpbridge.yaml", "--json")

    assert explained.code == 0, explained.err
    assert explained.json["effect"] == effect
