"""Command lines and files that cannot be used: one sentence, and exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.logs import decision, written

from .shared import run, run_json


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["check"], "which policy?"),
        (["check", "policy.yaml", "--probe"], "--probe asks the servers of a configuration"),
        (["check", "policy.yaml", "--json", "--sarif", "-"], "both print"),
        (["check", "policy.yaml", "--sarif", "no/such/folder.sarif"], "name a file that can be written"),
        (["check", "policy.yaml", "--tools", "gone.json"], "gone.json: No such file"),
        (["check", "policy.yaml", "--tools", "policy.yaml"], "policy.yaml, line 1: not JSON"),
        (["check", "latin.yaml"], "not UTF-8"),
        (["test", "policy.yaml", "--junit", "no/such/folder.xml"], None),
        (["test", "--cases", "broken.yaml"], "broken.yaml:"),
        (["explain", "call.json"], "which policy?"),
        (["explain", "gone.json", "--policy", "policy.yaml"], "gone.json: No such file"),
        (["replay", "policy.yaml", "--policy", "policy.yaml"], "this is no audit log"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    words: list[str], says: str | None, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "latin.yaml").write_bytes("# é".encode("latin-1"))
    (here / "broken.yaml").write_text("cases: [", encoding="utf-8")
    assert run(*words) == 2
    err = capsys.readouterr().err
    assert err.startswith("mcpbridge: ")
    assert (says or "name a file that can be written") in err


def test_a_percentage_is_one(here: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("test", "policy.yaml", "--coverage-min", "101")
    assert stopped.value.code == 2


def test_a_broken_configuration_is_told_as_findings(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "c.yaml").write_text("model: {name: m}\npolicy: ./broken.yaml\n", encoding="utf-8")
    (here / "broken.yaml").write_text("version: 1\nrules: []\n", encoding="utf-8")
    code, found = run_json(capsys, "check", "-c", "c.yaml")
    assert code == 2
    assert ("missing-default", "broken.yaml") in {(one["check"], one["file"]) for one in found["findings"]}


def test_files_outside_the_folder_have_a_uri_of_their_own(
    here: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "version: 1\ndefaults: {decision: ask}\nrules:\n  - {id: a, effect: allow, tools: ['*']}\n"
    outside = tmp_path_factory.mktemp("else where") / "p.yaml"
    for path in (outside, here / "in side.yaml"):
        path.write_text(text, encoding="utf-8")
        run("check", str(path), "--sarif", "-")
    printed = capsys.readouterr().out.replace("}\n{", "}\0{").split("\0")
    uris = [
        json.loads(one)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"][
            "uri"
        ]
        for one in printed
    ]
    assert uris == [outside.as_uri(), "in%20side.yaml"]


def test_every_predicate_of_a_rule_is_explained_whatever_it_looks_at(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "p.yaml").write_text(
        "version: 1\ndefaults: {decision: ask}\nrules:\n"
        "  - {id: r, effect: allow, tools: [bank.pay], who: [ana], annotations: {readOnlyHint: true},\n"
        "     when: {o.i: {eq: 1}, f.g: {eq: 1}}, args_schema: {properties: {n: {type: number}}}}\n",
        encoding="utf-8",
    )
    arguments = {"o": {"i": 1, "j": 2}, "f": "text", "n": 5, "extra": True}
    (here / "call.json").write_text(json.dumps({"tool": "bank.pay", "arguments": arguments}))
    given = ["--policy", "p.yaml", "--tools", "bank.json", "--trust-annotations", "--principal", "ana"]
    _, found = run_json(capsys, "explain", "call.json", *given)
    (rule,) = found["policies"][0]["rules"]
    assert [(one["saw"], one["truth"]) for one in rule["predicates"]] == [
        ("ana", True),
        ("1", True),
        ("nothing that has fields", None),
        ("all arguments", None),
        ("false", False),
    ]
    assert rule["not_named"] == ["o.j", "f", "extra"]


def test_what_was_too_large_or_lost_in_the_log_is_not_guessed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = {"query": "x" * 1_100_000}
    odd = {"query": float("nan")}
    records = [
        decision(f"r{n}", arguments=one, effect="allow", definition_hash="d")
        for n, one in enumerate((large, odd))
    ]
    written(here / "audit", records)
    rules = "rules:\n  - {id: r, effect: allow, tools: [docs.search], when: {query: {max_len: 9}}}\n"
    (here / "new.yaml").write_text(f"version: 1\ndefaults: {{decision: ask}}\n{rules}", encoding="utf-8")
    code, found = run_json(capsys, "replay", "audit", "--policy", "new.yaml")
    assert (code, found["counts"]["cannot_tell"]) == (0, 2)
