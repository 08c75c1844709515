"""Every example runs, and the recipes for other loops add at most ten lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/main.py"))
SAYS = {
    "01_first_agent": "I sent no mail: Mail is written by people here.",
    "02_own_loop_sync": "I sent no mail: Mail is written by people here.",
    "03_own_loop_async": "I sent no mail: Mail is written by people here.",
    "04_agents_sdk": "I sent no mail: Mail is written by people here.",
    "05_pause_and_resume": "I sent no mail: not on a Sunday",
    "06_bridged": "Friday says: Ship the release. I tore nothing out",
}
RECIPES = ("02_own_loop_sync", "03_own_loop_async", "04_agents_sdk")


@pytest.mark.promise("examples-run")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs_and_says_what_it_shows(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name / "main.py")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert SAYS[name] in done.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_adds_at_most_ten_lines(name: str) -> None:
    text = (ROOT / "examples" / name / "main.py").read_text()

    assert 1 <= sum(line.rstrip().endswith("# gate") for line in text.splitlines()) <= 10


def test_without_the_agents_sdk_its_example_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'agents'\", name='agents')\n"
    )
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "04_agents_sdk" / "main.py")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "This example needs the OpenAI Agents SDK; run: pip install openai-agents\n"
