"""The command line of the doctor: what it prints, refuses and keeps to itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge.cli.main import main
from mcpbridge.doctor.registry import CHECKS
from mcpbridge.doctor.verdict import Severity
from mcpbridge.service.brains.planner.planner import PlannerBrain
from mcpbridge.service.running import running_in_thread
from tests.doctor.looking import QUICK, examined, names, verdict, visited

KEY = "canary-key-93be1f"


def out(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_the_checks_can_be_listed_without_an_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--list"]) == 0
    assert [line.split()[0] for line in out(capsys).splitlines()] == [check.name for check in CHECKS]

    assert main(["doctor", "--list", "--json"]) == 0
    assert json.loads(out(capsys))["checks"][0] == {"name": CHECKS[0].name, "asks": CHECKS[0].asks}


def test_a_report_fits_80_columns_with_findings_first_and_no_escapes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with running_in_thread(PlannerBrain(), quirks=["approvals-ignored", "drop-mcp-call"]) as endpoint:
        only = "reasoning-model,stream,approvals,approved,results"
        assert main(["doctor", endpoint.base_url, *QUICK, "--only", only]) == 1

    lines = out(capsys).splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    words = [line.split()[0] for line in lines[2:] if line and not line.startswith(" ")]
    assert words.index("UNSAFE") < words.index("finding") < words.index("unknown") < words.index("ok")
    assert "Hosted servers are UNSAFE there. Do not use a profile that allows them." in lines


def test_the_json_form_holds_everything_a_program_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with running_in_thread(PlannerBrain(), quirks=["approvals-ignored"]) as endpoint:
        assert main(["doctor", endpoint.base_url, *QUICK, "--json", "--only", "approvals,denied"]) == 1

    found = json.loads(out(capsys))
    assert (found["doctor"], found["safe"], found["examined"]) == (1, False, True)
    checks = {check["name"]: check for check in found["checks"]}
    assert list(checks) == ["models", "responses", "approvals", "denied", "unapproved"]
    assert checks["approvals"]["severity"] == "finding"
    assert checks["approvals"]["unsafe"] is True
    assert checks["approvals"]["facts"] == {"approvals_honoured": False}
    assert found["profile"] == {"approvals_honoured": False}
    assert found["cost"]["requests"] == endpoint.posts + 1  # and GET /models
    assert found["cost"]["input_tokens"] > 0


@pytest.mark.promise("doctor-secrets")
def test_neither_the_key_nor_a_token_is_shown_even_where_they_come_back(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_KEY", KEY)
    with running_in_thread(PlannerBrain(), quirks=["echo-secrets"], api_key=KEY) as endpoint:
        for form in ([], ["--json"]):
            only = ["--only", "authorization,echo,approvals,approved,denied,filters"]
            assert main(["doctor", endpoint.base_url, *QUICK, "--key-env", "DOCTOR_KEY", *only, *form]) == 0
        sent = json.dumps(endpoint.bodies)

    said = "".join(capsys.readouterr())
    tokens = set(re.findall(r'"(?:authorization": "|Authorization": "Bearer )([^"]+)"', sent))
    assert len(tokens) > 10  # each request has one of its own
    assert not any(token in said for token in (*tokens, KEY))


def test_no_more_requests_are_sent_than_allowed() -> None:
    with running_in_thread(PlannerBrain()) as endpoint:
        examination = examined(endpoint, max_requests=5)

    assert examination.cost.requests == 5
    reasons = {line.verdict.untested for line in examination.of(Severity.UNKNOWN)}
    assert "--max-requests 5 is reached" in reasons


@pytest.mark.promise("doctor-untested")
def test_hosted_checks_are_not_tested_where_the_endpoint_cannot_reach_this_machine(
    httpserver: HTTPServer,
) -> None:
    message = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "ready"}]}
    body = {"id": "resp_1", "object": "response", "status": "completed", "output": [message]}
    httpserver.expect_request("/v1/models").respond_with_json({"data": [{"id": "m"}]})
    httpserver.expect_request("/v1/responses").respond_with_json(body)
    # The server stands in for the way out, so that the endpoint itself has a name that is not this machine's.
    settings = f", allow_http: true, proxy: '{httpserver.url_for('')}'"

    elsewhere = visited("http://llm.example/v1", ["approvals", "hosted"], settings=settings)

    assert elsewhere.cost.requests == 2
    assert names(elsewhere, Severity.UNKNOWN) == {"approvals", "hosted", "unapproved"}
    assert "cannot reach this machine" in verdict(elsewhere, "approvals").untested
    assert elsewhere.profile.approvals_honoured is False


def test_a_local_gateway_can_be_examined_without_hosted_servers(capsys: pytest.CaptureFixture[str]) -> None:
    with running_in_thread(PlannerBrain()) as endpoint:
        assert main(["doctor", endpoint.base_url, *QUICK, "--no-mcp", "--only", "approvals,stream"]) == 0

    said = capsys.readouterr().out
    assert "no MCP server was started:" in said
    assert "Hosted servers: not tested, so nothing is claimed about them." in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["http://127.0.0.1:9/v1", "--only", "aprovals"],
            "'aprovals' is no check; did you mean 'approvals'?",
        ),
        (["http://127.0.0.1:9/v1", "--only", ","], "--only names no check; see mcpbridge doctor --list"),
        (["http://127.0.0.1:9/v1", "--mcp-bind", "0.0.0.0:8790"], "--mcp-bind needs --mcp-url"),
        (
            ["http://127.0.0.1:9/v1", "--mcp-url", "https://x.example/mcp", "--mcp-bind", "x"],
            "is not HOST:PORT",
        ),
        (["http://127.0.0.1:9/v1", "-c", "mcpbridge.yaml"], "name ENDPOINT or -c FILE, not both"),
        (["http://127.0.0.1:9/v1", "--no-mcp", "--mcp-url", "https://x.example/mcp"], "leave out --mcp-url"),
        (["http://127.0.0.1:9/v1", "--mcp-url", "tunnel.example/mcp"], "--mcp-url: write a whole URL"),
        (["--key-env", "X"], "--key-env belongs to ENDPOINT"),
        ([], "name ENDPOINT, or -c FILE; there is no mcpbridge.yaml here either"),
        (["opanai"], "ENDPOINT cannot be 'opanai'; did you mean 'openai'?"),
        (["http://llm.example/v1"], "http is readable on the way"),
        (["http://127.0.0.1:9/v1", "--key-env", "NOT_SET_4711"], "NOT_SET_4711 is not set"),
    ],
)
def test_what_cannot_be_carried_out_is_told_with_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["doctor", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://llm.example/v1", "write https://, or use -c FILE with allow_http: true"),
        ("https://u:p@llm.example/v1", "name the variable of its key with --key-env"),
        ("azure", "name the base URL: https://NAME.openai.azure.com/openai/v1"),
        ("openai", "ENDPOINT openai: the environment variable OPENAI_API_KEY is not set"),
    ],
)
def test_what_is_wrong_with_endpoint_is_told_in_words_of_the_command_line(
    endpoint: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)

    assert main(["doctor", endpoint]) == 2

    told = capsys.readouterr().err
    assert said in told
    assert "ENDPOINT:1" not in told


@pytest.mark.parametrize(
    ("status", "hint"), [(404, "is /v1 missing in the URL?"), (307, "redirects are not followed")]
)
def test_a_wrong_address_is_hinted_at_without_a_model_too(
    status: int, hint: str, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/models").respond_with_data("", status, {"Location": "/v1/models"})

    assert main(["doctor", httpserver.url_for("/")]) == 2
    assert hint in capsys.readouterr().err


def test_what_was_not_tested_of_hosted_servers_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with running_in_thread(PlannerBrain()) as endpoint:
        assert main(["doctor", endpoint.base_url, *QUICK, "--only", "approvals,approved"]) == 0

    said = capsys.readouterr().out
    assert "Hosted servers: not tested by the check hosted" in said
    assert "cannot be used" not in said


@pytest.mark.parametrize("option", [["--max-requests", "0"], ["--timeout", "5"]])
def test_numbers_that_make_no_sense_are_refused(option: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "http://127.0.0.1:9/v1", *option])
    assert ended.value.code == 2
