"""A canary in headers and environment is nowhere to be seen, also when everything echoes it (must-show 5)."""

from __future__ import annotations

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.running import running_in_thread
from tests.cli_run.shell import KEY, TOKEN, Ended, Shell

ECHO = f"""
rules:
  - when: {{user: "^write"}}
    then:
      - reasoning: "The header was Bearer {TOKEN}."
      - mcp: {{server: tracker, tool: create_issue, arguments: {{title: "{TOKEN}", body: "{KEY}"}}}}
      - mcp: {{server: tracker, tool: create_issue, arguments: {{title: plain}}}}
  - when: {{mcp_result: "tracker.*"}}
    then: [{{say: "Your token is {TOKEN}, your key is {KEY}."}}]
  - when: {{denied: "tracker.*"}}
    then: [{{say: "Denied: {{{{denial_reason}}}}, said {TOKEN}"}}]
  - when: {{user: "^break"}}
    then: [{{say: unreached}}]
faults:
  - when: {{user: "^break"}}
    status: 400
    body: {{error: {{message: "bad token {TOKEN} or {KEY}", code: x, type: y}}}}
"""


def everything(shell: Shell, *ended: Ended) -> str:
    files = [path for path in shell.folder.rglob("*") if path.is_file()]
    assert {"audit.jsonl", "state.json"} <= {path.name for path in files}
    printed = "".join(one.out + one.err for one in ended)
    return printed + "".join(path.read_text(errors="replace") for path in files)


@pytest.mark.promise("no-secret")
@pytest.mark.parametrize("words", [[], ["--json"], ["--stream"]], ids=["whole", "json", "streamed"])
def test_no_credential_is_printed_or_written(words: list[str], shell: Shell, tracker: Tracker) -> None:
    with running_in_thread(ECHO, api_key=KEY, quirks=["echo-secrets"]) as service:
        shell.configure(service, tracker)
        paused = shell.here("write", "-v", "--state", "state.json", "--json")
        [question] = [asked["id"] for asked in paused.json["approvals"] if asked["outcome"] is None]
        done = shell.run("--resume", "state.json", "--decide", f"{question}=yes:because", "-v", *words)
        broken = shell.here("break", "-v", *words)

    assert (paused.code, done.code, broken.code) == (3, 0, 1)
    # A call whose arguments hold a credential is denied: nobody can see what they would approve.
    assert [denied["outcome"] for denied in paused.json["denied"]] == ["malformed"]
    assert "[secret]" in done.out
    assert "bad token [secret] or [secret]" in broken.err
    found = everything(shell, paused, done, broken)
    assert TOKEN not in found
    assert KEY not in found
