"""The whole file: what a full one becomes, and that all problems come at once."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.config import Configuration, SecretSources, check_config, load_config
from mcpbridge.errors import ConfigurationError

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

FULL = """\
model:
  name: gpt-5.6
  endpoint: openai
  instructions: Be brief.
  reasoning: {effort: low, summary: auto}
  max_output_tokens: 2000
  stream: true
  timeout: 2m
  retries: 0
servers:
  - label: docs
    url: https://docs.example.com/mcp
    headers: {Authorization: "Bearer ${env:DOCS_TOKEN}"}
    authorization_in: header
    allowed_tools: [search]
    on_unavailable: continue
policy: [./policy.yaml, ./policy.yaml]
approvals: {ask: deny, timeout: 1h}
audit: {path: log, levels: {docs.search: metadata, "docs.*": none}}
replay: {mcp_results: native}
limits: {max_rounds: 3, max_parallel_tools: 1, tool_timeout: 500ms, repeated_requests: 1}
accept_ungated: [web_search]
hosted_tools: [{type: web_search, search_context_size: low}]
principal: ci-bot
groups: {robots: [ci-bot]}
logging: {format: json, level: debug}
"""


def test_a_full_file_becomes_one_frozen_configuration(load: Load, folder: Path) -> None:
    found = load(FULL, base="")
    assert (found.model.name, found.model.endpoint, found.model.base_url) == (
        "gpt-5.6",
        "openai",
        "https://api.openai.com/v1/",
    )
    assert (found.model.timeout, found.model.retries, found.model.stream) == (120.0, 0, True)
    assert (found.model.reasoning.effort, found.model.reasoning.summary) == ("low", "auto")
    assert (found.model.instructions, found.model.max_output_tokens) == ("Be brief.", 2000)
    assert [server.label for server in found.servers] == ["docs"]
    assert (found.servers[0].on_unavailable, found.servers[0].origin) == ("continue", "mcpbridge.yaml:11")
    assert [policy.name for policy in found.policies] == ["policy.yaml", "policy.yaml"]
    assert (found.approvals.ask, found.approvals.timeout) == ("deny", 3600.0)
    assert found.audit.path == folder / "log"
    assert dict(found.audit.levels) == {"docs.search": "metadata", "docs.*": "none"}
    assert found.mcp_results == "native"
    assert (found.limits.max_rounds, found.limits.tool_timeout) == (3, 0.5)
    assert [dict(tool) for tool in found.hosted_tools] == [
        {"type": "web_search", "search_context_size": "low"}
    ]
    assert found.accept_ungated == {"web_search"}
    assert (found.principal, dict(found.groups)) == ("ci-bot", {"robots": ("ci-bot",)})
    assert (found.logging.format, found.logging.level) == ("json", "debug")
    with pytest.raises(AttributeError):
        found.principal = "root"  # type: ignore[misc]


def test_a_short_file_gets_the_documented_defaults(load: Load, folder: Path) -> None:
    found = load("")
    assert (found.approvals.ask, found.approvals.timeout) == ("terminal", 900.0)
    assert found.audit.path == folder / "audit"
    assert (found.model.timeout, found.model.retries, found.model.stream) == (600.0, 4, None)
    assert (found.limits.max_rounds, found.limits.max_parallel_tools) == (20, 8)
    assert (found.limits.tool_timeout, found.limits.repeated_requests) == (60.0, 3)
    assert (found.servers, found.hosted_tools, found.principal) == ((), (), "")
    assert found.mcp_results == "function_pair"  # auto: what the profile says


def test_all_problems_come_at_once_in_the_order_of_their_lines(problems: Problems) -> None:
    text = (
        "modle: {}\nlimits: {max_rounds: many}\nlogging: {level: loud}\napprovals: {ask: inbox, later: 1}\n"
    )
    assert problems(text) == [
        "mcpbridge.yaml:3: modle is not a key mcpbridge knows; did you mean 'model'?",
        "mcpbridge.yaml:4: limits.max_rounds must be a number, not text",
        "mcpbridge.yaml:5: logging.level cannot be 'loud'; write one of: debug, error, info, warning",
        "mcpbridge.yaml:6: approvals.later is not a key mcpbridge knows; write one of: ask, timeout",
        "mcpbridge.yaml:6: approvals.ask: inbox is not available in this version; write terminal or deny",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("principal: 5", "3: principal must be text, not a number; put it in quotes"),
        ("principal: ''", "3: principal is empty; write a value, or remove the key"),
        ("limits: [1]", "3: limits must be a mapping, not a list"),
        ("limits: {max_rounds: 0}", "3: limits.max_rounds must be at least 1"),
        (
            "limits: {tool_timeout: 60}",
            "3: limits.tool_timeout is not a duration: write a number with its unit: "
            "500ms, 60s, 15m, 1h30m or 7d",
        ),
        (
            "approvals: {timeout: 0s}",
            "3: approvals.timeout is not a duration: it must be longer than nothing and at most 366d",
        ),
        (
            "audit: {levels: {docs.x: full}}",
            "3: audit.levels: full keeps whole results of 'docs.x' in the log; write audit.allow_full: true "
            "beside it if that is meant, or arguments",
        ),
        (
            "audit: {levels: {docs.x: sealed}}",
            "3: audit.levels: 'docs.x' is sealed, and nobody is named who can open it; write "
            "audit.recipients: [age1…] (`age-keygen` makes a key)",
        ),
        (
            "audit: {levels: {docs.x: sealed}, recipients: [AGE-SECRET-KEY-1ABC]}",
            "3: audit.recipients: a private key stands here; write the public one (age1…), and "
            "make a new pair",
        ),
        (
            "audit:\n  recipients: [ssh-dss AAAA]",
            "4: audit.recipients: this is no public key that age knows; write age1…, ssh-ed25519 … "
            "or ssh-rsa …",
        ),
        ("audit: {recipients: []}", "3: audit.recipients is empty; write [age1…], or remove the key"),
        (
            "audit: {secrets: [{tool: bank, fields: [pin]}]}",
            "3: audit.secrets[0].tool: 'bank' names no tool; write label.tool, or a glob such as label.*",
        ),
        (
            "audit: {secrets: [{tool: bank.pay}]}",
            "3: audit.secrets[0].fields is missing; write [pin, card.number]",
        ),
        (
            "audit: {retention: 6 months}",
            "3: audit.retention is not a duration: write a number with its unit: "
            "500ms, 60s, 15m, 1h30m or 7d",
        ),
        (
            "audit: {rotate: 10MB}",
            "3: audit.rotate is not a size: write a whole number with its unit: 64MiB, 1GiB",
        ),
        ("audit: {rotate: 1KiB}", "3: audit.rotate is not a size: it must be at least 64KiB"),
        (
            "audit:\n  levels:\n    docs: none",
            "5: audit.levels: 'docs' names no tool; write label.tool, or a glob such as label.*",
        ),
        (
            "audit: {levels: {docs.x: most}}",
            "3: audit.levels.docs.x cannot be 'most'; write one of: arguments, full, metadata, none, sealed",
        ),
        (
            "replay: {mcp_results: pair}",
            "3: replay.mcp_results cannot be 'pair'; write one of: auto, function_pair, native",
        ),
        ("groups: {robots: [1]}", "3: groups.robots is a list of texts; put this entry in quotes"),
        ("groups: {robots: a}", "3: groups.robots must be a list, not text; write [a]"),
        ("logging: {level: true}", "3: logging.level must be text, not true or false; put it in quotes"),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(problems: Problems, text: str, problem: str) -> None:
    assert problems(text) == [f"mcpbridge.yaml:{problem}"]


def test_model_and_policy_are_mandatory(problems: Problems) -> None:
    found = problems("principal: me\n", base="")
    assert found[0] == "mcpbridge.yaml:1: model is missing; write model: {name: …, endpoint: openai}"
    assert found[1].startswith("mcpbridge.yaml:1: policy is missing; write policy: ./FILE.yaml, or the name")
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1: the file must be a mapping of keys; it is empty"),
        ("- a\n", "1: the file must be a mapping of keys; it holds something else"),
        ("a: 1\na: 2\n", "2: the key 'a' stands twice; remove one"),
        (
            "a: [1\nb: 2\n",
            "2: between [ and ] a comma, a quotation mark or the ] is missing (begun in line 1)",
        ),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(problems: Problems, text: str, problem: str) -> None:
    assert problems(text, base="") == [f"mcpbridge.yaml:{problem}"]


def test_a_credential_in_a_broken_file_is_in_no_traceback(load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("principal: Bearer canary-5d41402a: [\n")
    assert caught.value.__context__ is None
    assert (
        "canary" not in "".join(traceback.format_exception(caught.value)).partition("ConfigurationError")[2]
    )


def test_a_missing_file_is_a_problem_of_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "absent.yaml"
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert str(caught.value) == (
        f"{path}: there is no such file; run `mcpbridge init`, or name one with -c FILE"
    )


def test_a_file_that_is_no_text_and_a_folder_are_problems_too(tmp_path: Path, sources: SecretSources) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00canary")
    assert [str(problem) for problem in check_config(path, sources=sources)] == [
        f"{path}: it is not UTF-8 text"
    ]
    (folder,) = check_config(tmp_path, sources=sources)
    assert folder.message.startswith("it cannot be read: ")


def test_a_file_is_read_with_a_byte_order_mark_and_windows_line_ends(folder: Path) -> None:
    path = folder / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfmodel: {name: m, endpoint: openai}\r\npolicy: ./policy.yaml\r\n")
    assert load_config(str(path)).model.name == "m"


def test_check_adds_secrets_that_are_not_there(folder: Path, sources: SecretSources) -> None:
    path = folder / "c.yaml"
    path.write_text(
        "model: {name: m, endpoint: openai}\npolicy: ./policy.yaml\nservers:\n  - label: docs\n"
        "    url: https://docs.example.com/mcp\n    headers:\n"
        '      Authorization: "Bearer ${file:token.txt}"\n      X-Team: "${keyring:docs/team}"\n',
        encoding="utf-8",
    )
    absent = SecretSources(env={}, read_file=_refusing, keyring=sources.keyring)
    assert [str(problem) for problem in check_config(path, sources=absent)] == [
        f"{path}:1: the environment variable OPENAI_API_KEY is not set; set it, or name another one",
        f"{path}:7: the file token.txt is locked",
        f"{path}:8: the keyring holds nothing for ${{keyring:docs/team}}; run: keyring set docs team",
    ]
    present = SecretSources(
        env={"OPENAI_API_KEY": "k"}, read_file=lambda path: "t", keyring=lambda service, user: "p"
    )
    assert check_config(path, sources=present) == []
    assert load_config(path, sources=absent).servers[0].label == "docs"  # secrets are not needed to load


def test_a_private_key_has_several_lines_where_a_header_may_not(folder: Path) -> None:
    path = folder / "c.yaml"
    path.write_text(
        "model: {name: m, endpoint: local}\npolicy: ./policy.yaml\nservers:\n  - label: docs\n"
        "    url: https://docs.example.com/mcp\n    headers:\n      X-Key: ${env:PEM}\n"
        "    oauth: {grant: client_credentials, client_id: a, private_key: '${env:PEM}', "
        "issuer: 'https://auth.example.com'}\n",
        encoding="utf-8",
    )
    sources = SecretSources(env={"PEM": "-----BEGIN\nk\n-----END\n"}, read_file=_refusing, keyring=_none)
    assert [str(problem) for problem in check_config(path, sources=sources)] == [
        f"{path}:7: ${{env:PEM}} holds a line break or another control character"
    ]


def _none(_service: str, _user: str) -> None:
    return None


def _refusing(path: Path) -> str:
    from mcpbridge.config import SecretUnavailable

    raise SecretUnavailable(f"the file {path.name} is locked")


def test_check_names_the_problems_of_a_policy_file_in_that_file(folder: Path, sources: SecretSources) -> None:
    (folder / "policy.yaml").write_text("version: 9\n", encoding="utf-8")
    path = folder / "c.yaml"
    path.write_text("model: {name: m, endpoint: local}\npolicy: ./policy.yaml\n", encoding="utf-8")
    found = check_config(path, sources=sources)
    assert found
    assert {problem.file for problem in found} == {str(folder / "policy.yaml")}


def test_importing_the_configuration_loads_neither_openai_nor_mcp() -> None:
    code = "import sys, mcpbridge.config; print(*{'openai', 'mcp', 'pydantic', 'keyring'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_time_stamps_without_their_extra_are_a_problem_among_the_others(
    problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    anchors = (
        "audit: {anchors: [\n  {timestamps: 'http://tsa.example', roots: tsa.pem}, {syslog: nowhere}]}\n"
    )
    stamps, syslog = problems(f"model: {{name: m, endpoint: openai}}\npolicy: read-only\n{anchors}", base="")
    assert "mcpbridge.yaml:4: audit.anchors" in stamps
    assert "pip install 'mcpbridge[timestamps]'" in stamps
    assert "syslog: write local" in syslog


@pytest.mark.parametrize("file", ["audit/audit.jsonl", "./elsewhere/../audit/keys/new.jsonl", "link.jsonl"])
def test_an_anchor_in_the_logs_own_folder_is_refused_with_its_line(
    problems: Problems, folder: Path, file: str
) -> None:
    (folder / "link.jsonl").symlink_to(folder / "audit" / "audit.jsonl")
    [found] = problems(f"audit:\n  anchors:\n    - {{syslog: local}}\n    - {{file: {file}}}\n")
    assert found.startswith(f"mcpbridge.yaml:6: audit.anchors[1].file: {file} is in the log's own folder")
    assert found.endswith("write a path outside it, such as /mnt/heads/log.jsonl")


def test_an_anchor_that_is_the_same_place_as_one_before_is_refused(problems: Problems, folder: Path) -> None:
    (folder / "link.jsonl").symlink_to(folder / "heads.jsonl")
    places = ("file: heads.jsonl", "stderr: true", "syslog: local", "file: link.jsonl", "stderr: true")
    entries = "".join(f"    - {{{place}, every: {at + 1}s}}\n" for at, place in enumerate(places))
    file, stderr = problems(f"audit:\n  anchors:\n{entries}")
    assert file.endswith("8: audit.anchors[3] is the same place as audit.anchors[0]; remove one of them")
    assert stderr.endswith("9: audit.anchors[4] is the same place as audit.anchors[1]; remove one of them")
