"""A real run's credentials, at every level: none in the log, nor in what is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve
from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.wire.outputs import outputs
from tests.wire.spellings import found
from tests.wire.stack import Stack
from tests.wire.test_no_secret_leaks import CANARY as TOKEN
from tests.wire.test_no_secret_leaks import ECHO, KEY

pyrage: Any = pytest.importorskip("pyrage", reason="the extra `sealed`")

LEVELS: Final = ("none", "metadata", "arguments", "sealed", "full")


class Yes:
    """Somebody who agrees to everything."""

    async def ask(self, question: Question) -> Answer:
        return Approve(by="ana")


@pytest.mark.promise("audit-canary")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("quirks", [[], ["echo-secrets"]], ids=["clean", "echoes tools"])
def test_no_credential_of_a_real_run_is_in_what_is_made_of_its_log(
    level: str, quirks: list[str], tracker: Tracker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviewer = pyrage.x25519.Identity.generate()
    (tmp_path / "reviewer.key").write_text(f"{reviewer}\n")
    audit: dict[str, Any] = {"path": "audit", "levels": {"tracker.*": level}, "allow_full": level == "full"}
    if level == "sealed":
        audit["recipients"] = [str(reviewer.to_public())]
    with running_in_thread(ECHO, api_key=KEY, quirks=quirks) as service:
        stack = Stack(folder=tmp_path, endpoint=service, tracker=tracker, audit=json.dumps(audit))
        stack.run("look", approver=Yes())
    [decision, *_] = stack.records("decision")
    identity = tmp_path / "reviewer.key"
    places = outputs(tmp_path / "audit", decision["request_id"], capsys, identity=identity)
    assert found(places, TOKEN, KEY) == []
    assert decision["request_id"] in places["show"]
