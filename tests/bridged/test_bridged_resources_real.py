"""The reference server, which has all of it: resources, templates, prompts, sampling and roots."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mcpbridge import Approve, CallbackApprover
from mcpbridge.testing import Step, function_call, message, response
from tests.bridged.scene import Scene
from tests.cli_run.everything import PACKAGE, running
from tests.mcp_servers.packages import npm, once

pytestmark = pytest.mark.node
EXTRA = ", offer: [resources, prompts], sampling: ask, roots: [.], connect_timeout: 60s"


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program, installed once for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    modules = once("everything", shared, lambda folder: npm(folder, PACKAGE))
    return str(modules / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js")


def calls(*named: tuple[str, dict[str, Any]]) -> Sequence[Step]:
    return [response(function_call(f"all__{name}", arguments, call_id=name)) for name, arguments in named]


@pytest.mark.promise("bridged-offer")
@pytest.mark.promise("bridged-sampling")
@pytest.mark.parametrize("transport", ["stdio", "streamableHttp"])
def test_everything_of_server_everything_is_read_asked_and_answered_under_the_gate(
    everything: str, tmp_path: Path, transport: str
) -> None:
    with ExitStack() as stack:
        where = f"command: [node, {json.dumps(everything)}, stdio]"
        if transport != "stdio":
            where = f'url: "{stack.enter_context(running(["node", everything, transport]))}"'
        steps = [
            *calls(("list_resources", {}), ("list_resource_templates", {}), ("list_prompts", {})),
            *calls(
                ("read_resource", {"uri": "demo://resource/dynamic/text/7"}),
                ("get_prompt", {"name": "args-prompt", "arguments": {"city": "Graz"}}),
                ("trigger-sampling-request", {"prompt": "Sum up", "maxTokens": 50}),
            ),
            response(message("The model's own words."), model="m"),
            *calls(("get-roots-list", {})),
            response(message("done")),
        ]
        scene = Scene(
            folder=tmp_path,
            boxes={},
            steps=steps,
            servers=f"\n  - {{label: all, via: bridge, {where}{EXTRA}}}\n",
            approver=CallbackApprover(lambda _: Approve(by="ana")),
        )
        scene.run("go")

    told = scene.outputs()
    listed = [json.loads(line) for line in told["list_resources"].splitlines()]
    assert all(entry["uri"].startswith("demo://") for entry in listed)
    assert len(listed) > 3
    assert "demo://resource/dynamic/text/{resourceId}" in told["list_resource_templates"]
    assert "args-prompt" in told["list_prompts"]
    assert "Resource 7" in told["read_resource"]
    assert "Graz" in told["get_prompt"]
    assert "The model's own words." in told["trigger-sampling-request"]
    assert tmp_path.as_uri() in told["get-roots-list"]
    assert [record["answer"] for record in scene.records("sampling_answered")] == ["accept"]
    assert scene.records("roots_asked")[0]["roots"] == [tmp_path.as_uri()]
    assert {record["status"] for record in scene.records("outcome")} == {"completed"}
