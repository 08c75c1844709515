"""`policy:`: files beside the configuration, shipped ones by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from mcpbridge.config import Configuration, NotShipped, shipped, shipped_names

Problems = Callable[..., list[str]]
MODEL = "model: {name: m, endpoint: openai}\n"


def test_a_policy_file_that_is_missing_is_named_with_its_line(problems: Problems, folder: Path) -> None:
    assert problems("policy: rules/mine.yaml\n", base=MODEL) == [
        f"mcpbridge.yaml:2: policy: rules/mine.yaml: there is no such file (looked for "
        f"{folder / 'rules/mine.yaml'})"
    ]


def test_each_entry_of_a_list_has_its_own_line(problems: Problems) -> None:
    found = problems("policy:\n  - ./policy.yaml\n  - ./b.yaml\n  - 7\n", base=MODEL)
    assert [problem.partition(": ")[0] for problem in found] == ["mcpbridge.yaml:4", "mcpbridge.yaml:5"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("policy: []\n", "2: policy: the list is empty; name at least one policy"),
        ("policy: 3\n", "2: policy must be text, not a number; put it in quotes"),
    ],
)
def test_a_policy_that_is_no_name_is_refused(problems: Problems, text: str, problem: str) -> None:
    assert problems(text, base=MODEL) == [f"mcpbridge.yaml:{problem}"]


def test_a_name_that_is_not_shipped_lists_what_is(problems: Problems) -> None:
    (found,) = problems("policy: no-such-policy\n", base=MODEL)
    assert found.startswith(
        "mcpbridge.yaml:2: policy: no policy named 'no-such-policy' comes with mcpbridge; "
    )
    assert found.endswith("; a file of your own is written as ./no-such-policy.yaml")


def test_shipped_files_are_found_in_the_first_place_that_has_the_folder(tmp_path: Path) -> None:
    wheel, checkout = tmp_path / "wheel", tmp_path / "checkout"
    for root, text in ((wheel, "wheel"), (checkout, "checkout")):
        (root / "policies").mkdir(parents=True)
        (root / "policies" / "ask.yaml").write_text(text, encoding="utf-8")
        (root / "policies" / "notes.txt").write_text("", encoding="utf-8")
    assert shipped("policies", "ask", roots=[wheel, checkout])[0] == "wheel"
    assert shipped("policies", "ask", roots=[tmp_path / "none", checkout]) == (
        "checkout",
        str(checkout / "policies" / "ask.yaml"),
    )
    assert shipped_names("policies", roots=[checkout]) == ("ask",)


def test_a_shipped_name_never_leaves_its_folder(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "secret.yaml").write_text("x", encoding="utf-8")
    with pytest.raises(NotShipped):
        shipped("policies", "../secret", roots=[tmp_path])
    with pytest.raises(NotShipped, match="there is nothing to choose from"):
        shipped("servers", "x", roots=[tmp_path])


@pytest.mark.parametrize("name", shipped_names("policies"))
def test_every_shipped_policy_loads(load: Callable[..., object], name: str) -> None:
    config = cast("Configuration", load(f"policy: {name}\n", base=MODEL))
    assert [policy.name for policy in config.policies] == [f"{name}.yaml"]


@pytest.mark.parametrize("name", shipped_names("policies"))
def test_a_missing_file_of_a_shipped_name_says_how_to_use_that_one(problems: Problems, name: str) -> None:
    (found,) = problems(f"policy: policies/{name}.yaml\n", base=MODEL)
    assert found.endswith(f"; write policy: {name} for the one that comes with mcpbridge")


def test_a_misspelt_policy_file_is_recognised(problems: Problems) -> None:
    (problem,) = problems("model: {name: m, endpoint: openai}\npolicy: ./polcy.yaml\n", base="")
    assert problem.endswith("; did you mean 'policy.yaml'?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "servers: {label: docs}\n",
            "servers must be a list, not a mapping; begin each entry with a dash: `- …`",
        ),
        (
            "servers:\n  - {label: d, url: 'https://d.example', headers: {Authorization: Bearer "
            "$DOCS_TOKEN}}\n",
            "servers[d].headers.Authorization: $DOCS_TOKEN is not looked up; write ${env:DOCS_TOKEN}",
        ),
        (
            "servers:\n  - {label: d, url: 'https://d.example', authorization: $DOCS_TOKEN}\n",
            "servers[d].authorization: a credential does not stand in a file; write ${env:DOCS_TOKEN}",
        ),
        (
            "servers:\n  - {label: d, command: npx}\n",
            "servers[d].command must be a list, not text; write [npx]",
        ),
    ],
)
def test_a_usual_slip_is_answered_with_what_to_write(problems: Problems, text: str, said: str) -> None:
    assert any(said in problem for problem in problems(text))
