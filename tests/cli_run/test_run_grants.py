"""`--decide ID=always:1h:5x`: a grant that is given from another process."""

from __future__ import annotations

from datetime import datetime

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import SCRIPT, Shell


@pytest.mark.promise("grant-bound")
def test_always_with_a_time_and_a_number_makes_such_a_grant_for_the_next_turns(
    shell: Shell, tracker: Tracker
) -> None:
    with running_in_thread(SCRIPT) as service:
        shell.configure(service, tracker)
        question = shell.paused()
        first = shell.run("--resume", "state.json", "--decide", f"{question}=always:1h:1x", "--json")
        again = shell.run("write", "--state", "state.json", "--json")
        third = shell.run("write", "--state", "state.json", "--json")

    outcomes = [[one["outcome"] for one in done.json["approvals"]] for done in (first, again)]
    assert outcomes == [["human_allow"], ["grant_allow"]]
    assert (third.code, third.json["status"]) == (3, "paused")
    (made,), (used,) = shell.records("grant_made"), shell.records("grant_used")
    assert (made["uses"], used["used"]) == (1, 1)
    assert made["expires"] - datetime.fromisoformat(made["ts"]).timestamp() == pytest.approx(3600, abs=60)
    assert [one["reason"] for one in shell.records("grant_refused")] == ["it is used up"]
    assert tracker.count("create_issue") == 2


@pytest.mark.parametrize(
    "given", ["always:soon", "always:1h:2h", "always:0x", "always:1d", "always:", "always:1h 5x"]
)
def test_an_always_that_says_no_time_and_no_number_is_refused_with_what_to_write(
    given: str, shell: Shell
) -> None:
    done = shell.run("--resume", "state.json", "--decide", f"mcpr_1={given}")
    assert done.code == 2
    assert "does not say how much" in done.err
    assert "write ID=always, ID=always:1h, ID=always:5x or ID=always:1h:5x" in done.err
