"""`--write`: a profile of what was measured, which decides whether hosted servers can be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mcpbridge.cli.main import main
from mcpbridge.config import Configuration, check_config, load_config
from mcpbridge.service.brains.planner.planner import PlannerBrain
from mcpbridge.service.running import running_in_thread
from tests.doctor.looking import QUICK

HOSTED = "hosted,authorization,callers,approvals,approved,denied,results,reasoning"
Doctor = Callable[..., int]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def measure(*quirks: str, options: tuple[str, ...] = ("--write", "measured.yaml"), only: str = HOSTED) -> int:
    """The command against a service of its own, whose key is the client's default."""
    with running_in_thread(PlannerBrain(), quirks=quirks) as endpoint:
        return main(
            ["doctor", endpoint.base_url, *QUICK, "--model", endpoint.models[0], "--only", only, *options]
        )


def configuration(here: Path) -> Path:
    """A configuration with a hosted server that uses the profile."""
    path = here / "mcpbridge.yaml"
    path.write_text(
        "model: {name: m, endpoint: https://llm.example/v1, profile: ./measured.yaml}\n"
        "policy: read-only\nservers: [{label: docs, url: https://docs.example/mcp}]\n"
    )
    return path


def loaded(here: Path) -> Configuration:
    return load_config(configuration(here))


@pytest.mark.promise("doctor-profile")
def test_the_profile_of_a_clean_service_makes_hosted_servers_usable(here: Path) -> None:
    assert measure() == 0

    profile = loaded(here).model.profile
    assert (profile.hosted_mcp, profile.approvals_honoured, profile.allowed_callers) == (True, True, True)
    assert (profile.authorization_in, profile.mcp_results) == ("header", "native")
    assert profile.encrypted_reasoning


@pytest.mark.promise("doctor-profile")
def test_the_profile_of_a_service_that_ignores_approvals_has_hosted_servers_refused(here: Path) -> None:
    assert measure("approvals-ignored") == 1

    [problem] = check_config(configuration(here))
    assert "approvals" in problem.message


def test_what_was_not_measured_is_not_claimed_and_says_so(here: Path) -> None:
    assert measure(only="reasoning") == 0

    text = (here / "measured.yaml").read_text()
    assert yaml.safe_load(text)["approvals_honoured"] is False
    assert "NOT measured" in next(line for line in text.splitlines() if line.startswith("approvals_honoured"))
    assert "measured by the check reasoning" in text


def test_the_file_says_when_what_and_by_whom(here: Path) -> None:
    measure("drop-mcp-call", "authorization-in-headers-refused")

    text = (here / "measured.yaml").read_text()
    assert "UTC by mcpbridge" in text
    assert "# against http://127.0.0.1:" in text
    found = yaml.safe_load(text)
    assert found["mcp_results"] == "function_pair"
    assert found["authorization_in"] == "field"


def test_a_file_that_is_there_is_kept_and_nothing_is_asked(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "measured.yaml").write_text("mine: true\n")

    with running_in_thread(PlannerBrain()) as endpoint:
        assert main(["doctor", endpoint.base_url, *QUICK, "--write", "measured.yaml"]) == 2
        assert endpoint.posts == 0

    assert "measured.yaml is there already; --force overwrites it" in capsys.readouterr().err
    assert (here / "measured.yaml").read_text() == "mine: true\n"


def test_force_overwrites_it_and_leaves_nothing_else(here: Path) -> None:
    (here / "measured.yaml").write_text("mine: true\n")

    assert measure(options=("--write", "measured.yaml", "--force"), only="reasoning") == 0

    assert "mine" not in (here / "measured.yaml").read_text()
    assert [path.name for path in here.iterdir()] == ["measured.yaml"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("measured", "a profile is a file that ends in .yaml"),
        ("none/measured.yaml", "there is no folder none"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(
    here: Path, capsys: pytest.CaptureFixture[str], target: str, said: str
) -> None:
    assert main(["doctor", "http://127.0.0.1:9/v1", "--write", target]) == 2
    assert said in capsys.readouterr().err


def test_nothing_is_written_where_nothing_was_measured(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "http://127.0.0.1:1/v1", "--model", "m", "--write", "measured.yaml"]) == 1

    assert list(here.iterdir()) == []
    assert "measured.yaml was not written: nothing was measured." in capsys.readouterr().err


def test_a_configuration_is_compared_with_what_was_measured(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_in_thread(PlannerBrain(), quirks=["authorization-in-headers-refused"]) as endpoint:
        (here / "mcpbridge.yaml").write_text(
            f"model: {{name: {endpoint.models[0]}, endpoint: local, url: '{endpoint.base_url}'}}\n"
            "policy: read-only\n"
        )
        assert main(["doctor", *QUICK, "--only", "authorization"]) == 0

    said = capsys.readouterr().out
    assert "The configuration says authorization_in: header; measured: field." in said
