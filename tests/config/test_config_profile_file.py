"""`model.profile` as a file, such as `mcpbridge doctor --write` makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.config import Configuration

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]
MODEL = (
    "model:\n  name: m\n  endpoint: https://llm.example/v1\n  profile: ./measured.yaml\n"
    "policy: ./policy.yaml\n"
)
SERVER = "servers: [{label: docs, url: https://docs.example/mcp}]\n"


@pytest.fixture
def measured(folder: Path) -> Path:
    return folder / "measured.yaml"


def test_a_profile_is_read_from_a_file(load: Load, measured: Path) -> None:
    measured.write_text("# measured\nhosted_mcp: true\napprovals_honoured: true\nauthorization_in: field\n")

    profile = load(MODEL + SERVER, base="").model.profile

    assert profile.hosted_mcp
    assert profile.approvals_honoured
    assert profile.authorization_in == "field"
    assert profile.source.startswith("asserted in measured.yaml:")


def test_what_the_file_does_not_say_is_not_claimed_even_of_a_named_endpoint(
    load: Load, measured: Path
) -> None:
    measured.write_text("encrypted_reasoning: true\n")
    text = MODEL.replace("https://llm.example/v1", "openai")

    profile = load(text, base="").model.profile

    assert not profile.approvals_honoured
    assert not profile.hosted_mcp


def test_hosted_servers_are_refused_where_the_file_does_not_say_that_approvals_are_honoured(
    problems: Problems, measured: Path
) -> None:
    measured.write_text("hosted_mcp: true\napprovals_honoured: false\n")

    assert any("approvals" in problem for problem in problems(MODEL + SERVER, base=""))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hosted_mcp: true\naprovals: true\n", "measured.yaml:2: aprovals is not a key mcpbridge knows"),
        ("hosted_mcp: maybe\n", "measured.yaml:1: hosted_mcp must be true or false, not text"),
        ("- hosted_mcp\n", "measured.yaml:1: the file must be a mapping of keys"),
        ("extends: opanai\n", "measured.yaml:1: extends cannot be 'opanai'; did you mean 'openai'?"),
        ("hosted_mcp: [\n", "measured.yaml:"),
    ],
)
def test_mistakes_in_the_file_are_told_with_its_name_and_line(
    problems: Problems, measured: Path, text: str, said: str
) -> None:
    measured.write_text(text)

    assert any(problem.startswith(said) for problem in problems(MODEL, base="")), problems(MODEL, base="")


def test_a_file_that_is_not_there_is_told_at_the_line_that_names_it(problems: Problems) -> None:
    [problem] = problems(MODEL, base="")

    assert problem.startswith("mcpbridge.yaml:4: profile: ./measured.yaml: there is no such file")
