"""Bridged servers on the command line: a local program, probed, pinned, drafted, run, killed and resumed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread
from tests.bridged.wire import ALL, ASK
from tests.cli_run.shell import Shell

PROGRAM = Path(__file__).parents[1] / "mcp_servers" / "program.py"
SCRIPT = """
rules:
  - when: {user: "^echo"}
    then: [{call: {name: here__echo, arguments: {text: hello}}}]
  - when: {user: "^die"}
    then: [{call: {name: here__die, arguments: {}}}]
  - when: {user: "^ask"}
    then: [{call: {name: here__ask, arguments: {}}}]
  - when: {user: "^slow"}
    then: [{call: {name: here__slow, arguments: {}}}]
  - when: {function_output: "*"}
    then: [{say: "It says: {{last_output}}"}]
"""


@pytest.fixture
def service() -> Generator[LocalEndpoint, None, None]:
    with running_in_thread(SCRIPT) as endpoint:
        yield endpoint


def configured(
    folder: Path, service: LocalEndpoint, *flags: str, policy: str = ALL, extra: str = ""
) -> Shell:
    shell = Shell(folder=folder, env={"SERVICE_KEY": service.api_key})
    (folder / "policy.yaml").write_text(policy)
    command = json.dumps([sys.executable, str(PROGRAM), *flags])
    (folder / "mcpbridge.yaml").write_text(
        f'model: {{name: m, endpoint: local, url: "{service.base_url}", retries: 0, '
        'api_key: "${env:SERVICE_KEY}"}\n'
        f"servers:\n  - {{label: here, via: bridge, command: {command}{extra}}}\n"
        "policy: policy.yaml\naudit: {path: audit}\n"
    )
    return shell


def test_a_program_on_this_machine_is_called_and_its_answer_told(
    service: LocalEndpoint, tmp_path: Path
) -> None:
    shell = configured(tmp_path, service)

    ended = shell.here("echo")

    assert (ended.code, ended.out) == (0, 'It says: {"text": "hello"}\n')
    assert shell.decided() == [("decision", "echo", "policy_allow"), ("outcome", "completed")]
    [registered] = shell.records("server_registered")
    assert (registered["via"], registered["server_identity"]) == (
        "bridge",
        f"stdio:{sys.executable} {PROGRAM}",
    )


@pytest.mark.promise("bridged-elicitation-told")
@pytest.mark.parametrize("ask", ["terminal", "deny"])
def test_a_server_s_question_that_nobody_could_be_asked_is_told_with_how_to_be_asked(
    ask: str, service: LocalEndpoint, tmp_path: Path
) -> None:
    shell = configured(tmp_path, service, extra=", elicitation: ask")
    with (tmp_path / "mcpbridge.yaml").open("a") as file:
        file.write(f"approvals: {{ask: {ask}}}\n")

    ended = shell.here("ask")

    assert ended.code == 0
    assert (
        "notice   question_declined: here.ask asked something and got no answer, nobody is there; run at a "
        "terminal with `approvals: {ask: terminal}`, or pass approver= in Python\n"
    ) in ended.err
    assert [
        record["answer"] in ("decline", "cancel") for record in shell.records("elicitation_answered")
    ] == [True]


def test_a_question_about_a_bridged_call_waits_in_saved_state(service: LocalEndpoint, tmp_path: Path) -> None:
    shell = configured(tmp_path, service, policy=ASK)

    question = shell.paused("echo")
    ended = shell.here("--resume", "state.json", "--decide", f"{question}=yes")

    assert (ended.code, ended.out) == (0, 'It says: {"text": "hello"}\n')


def test_edited_arguments_that_do_not_fit_decide_nothing_and_the_question_stays_open(
    service: LocalEndpoint, tmp_path: Path
) -> None:
    shell = configured(tmp_path, service, "--typed", policy=ASK)
    question = shell.paused("echo")
    (tmp_path / "wrong.json").write_text('{"txt": "other"}')
    (tmp_path / "right.json").write_text('{"text": "other"}')

    wrong = shell.here("--resume", "state.json", "--decide", f"{question}=edit:wrong.json")
    decided = shell.records("decision")
    right = shell.here("--resume", "state.json", "--decide", f"{question}=edit:right.json")

    assert (wrong.code, wrong.out, decided) == (2, "", [])
    assert f"mcpbridge: {question}: what was written instead for here.echo cannot be used (" in wrong.err
    assert "; nothing was decided, so correct it and decide again" in wrong.err
    assert right.code == 0, right.err
    assert "other" in right.out


@pytest.mark.promise("bridged-unknown")
def test_a_server_that_dies_in_a_call_ends_the_run_with_4_and_a_person_decides(
    service: LocalEndpoint, tmp_path: Path
) -> None:
    shell = configured(tmp_path, service)

    died = shell.here("die", "--state", "state.json")
    again = shell.here("--resume", "state.json")
    call = shell.records("outcome_unknown")[0]["request_id"]
    done = shell.here("--resume", "state.json", "--decide", f"{call}=no:I looked")

    assert (died.code, again.code, done.code) == (4, 4, 0), died.err
    assert f"{call} (here.die) may have taken effect" in again.err
    assert "I looked" in done.out
    assert len(shell.records("intent")) == 1


@pytest.mark.promise("bridged-killed")
@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are not files there")
def test_killed_in_the_middle_of_a_call_it_is_unknown_on_resume(
    service: LocalEndpoint, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    os.mkfifo(calls)
    shell = configured(tmp_path, service, policy=ASK, extra=f", env: {{CALLS: {json.dumps(str(calls))}}}")
    question = shell.paused("slow")

    with (
        shell.started("--resume", "state.json", "--decide", f"{question}=yes") as process,
        calls.open() as reached,
    ):
        name, _, meta = json.loads(reached.readline())
        process.kill()
        process.communicate()
    unknown = shell.here("--resume", "state.json")
    done = shell.here("--resume", "state.json", "--decide", f"{question}=no:I looked")

    assert name == "slow"
    decision = shell.records("decision")[-1]
    assert meta["mcpbridge/decision_id"] == decision["decision_key"]
    assert unknown.code == 4
    assert f"{question} (here.slow) may have taken effect" in unknown.err
    assert (done.code, "I looked" in done.out) == (0, True)


def test_a_bridged_server_is_listed_probed_checked_pinned_and_drafted(
    service: LocalEndpoint, tmp_path: Path
) -> None:
    shell = configured(
        tmp_path, service, policy=ALL + "pins: {file: tools.lock}\n", extra=", allowed_tools: [echo]"
    )

    listed = shell.mcpbridge("servers", "list", "--json")
    probed = shell.mcpbridge("servers", "probe", "--json")
    pinned = shell.mcpbridge("pin")
    checked = shell.mcpbridge("check")
    drafted = shell.mcpbridge("policy", "draft", "-c", "mcpbridge.yaml")
    ran = shell.here("echo")

    [server] = listed.json["servers"]
    assert (server["via"], server["command"]) == ("bridge", [sys.executable, str(PROGRAM)])
    [probe] = probed.json["servers"]
    assert (probe["ok"], probe["problem"]) == (True, "")
    assert [tool["name"] for tool in probe["tools"] if tool["allowed"]] == ["echo"]
    assert (pinned.code, checked.code, drafted.code) == (0, 0, 0), pinned.err + checked.err + drafted.err
    lock: dict[str, Any] = json.loads((tmp_path / "tools.lock").read_text())
    assert list(lock["servers"]["here"]["tools"]) == ["echo"]
    assert lock["servers"]["here"]["server"] == f"stdio:{sys.executable} {PROGRAM}"
    assert "1 tool, via bridge" in checked.out
    assert "here.echo" in drafted.out
    assert (ran.code, ran.out) == (0, 'It says: {"text": "hello"}\n')


def test_a_program_that_cannot_be_started_is_named_by_the_probe(
    service: LocalEndpoint, tmp_path: Path
) -> None:
    shell = configured(tmp_path, service)
    text = (tmp_path / "mcpbridge.yaml").read_text()
    (tmp_path / "mcpbridge.yaml").write_text(text.replace(json.dumps(sys.executable), '"no-such-program"'))

    probed = shell.mcpbridge("servers", "probe")

    assert probed.code == 1
    assert "FAILED" in probed.out
    assert "no-such-program" in probed.out


@pytest.mark.parametrize(
    "server",
    [
        'command: [python], env: {A: "${env:NOT_SET_HERE}"}',
        'url: "http://127.0.0.1:9/mcp", allow_http: true, authorization: "${env:NOT_SET_HERE}"',
        'url: "http://127.0.0.1:9/mcp", allow_http: true, protocol: 2026-07-28, '
        'headers: {X-Key: "${env:NOT_SET_HERE}"}',
    ],
    ids=["program", "url", "fixed"],
)
def test_a_credential_that_is_not_set_is_a_matter_of_the_configuration(
    service: LocalEndpoint, tmp_path: Path, server: str
) -> None:
    shell = configured(tmp_path, service)
    before, _, after = (tmp_path / "mcpbridge.yaml").read_text().partition("command: ")
    rest = after[after.index("}\n") :]
    (tmp_path / "mcpbridge.yaml").write_text(before + server + rest)

    checked, ran = shell.mcpbridge("check"), shell.run("echo")

    assert (checked.code, ran.code) == (2, 2), ran.err
    assert "mcpbridge.yaml:3: the environment variable NOT_SET_HERE is not set" in ran.err


def test_the_probe_gives_a_program_its_own_time_unless_another_is_given(
    service: LocalEndpoint, tmp_path: Path
) -> None:
    shell = configured(tmp_path, service, extra=", connect_timeout: 200ms")
    text = (tmp_path / "mcpbridge.yaml").read_text().replace('program.py"]', 'program.py", --mute]')
    (tmp_path / "mcpbridge.yaml").write_text(text)
    own = shell.mcpbridge("servers", "probe")
    (tmp_path / "mcpbridge.yaml").write_text(text.replace("200ms", "10m"))
    given = shell.mcpbridge("servers", "probe", "--timeout", "200ms")

    assert "here: it did not answer in time (connect_timeout)" in own.out
    assert "here: no list of tools within 0.2 s; --timeout gives it longer" in given.out


def test_people_see_that_a_result_was_cut(service: LocalEndpoint, tmp_path: Path) -> None:
    shell = configured(tmp_path, service, extra=", max_result: 10")

    ended = shell.here("echo")
    whole = shell.mcpbridge("audit", "show")

    assert "result   here.echo completed, ran here, cut from 17 bytes: " in ended.err
    assert "status=completed, cut from 17 bytes" in whole.out
