"""The planner behind a Bridge: what the command line does with the service's default brain."""

from __future__ import annotations

from pathlib import Path

from mcpbridge.demo.server import Tracker
from mcpbridge.service.brains.planner.planner import PlannerBrain
from mcpbridge.service.running import running_in_thread
from tests.wire.stack import ALL_ALLOWED, Stack


def test_several_requests_of_one_turn_are_decided_and_each_runs_once(
    tmp_path: Path, tracker: Tracker
) -> None:
    with running_in_thread(PlannerBrain()) as endpoint:
        stack = Stack(folder=tmp_path, endpoint=endpoint, tracker=tracker, policy=ALL_ALLOWED)
        result = stack.run("List the issues, then read issue 3 and open an issue titled 'Mounth'")

    assert result.status == "completed"
    assert [effect.tool for effect in tracker.effects] == ["list_issues", "read_issue", "create_issue"]
    assert "Created issue #4: Mounth" in result.text
    assert "no language model" in result.text
