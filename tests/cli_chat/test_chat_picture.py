"""The picture of the chat shows what the chat shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli_run.shell import PATIENCE, ROOT

PICTURES = ROOT / "docs" / "pictures"


def words(file: Path) -> list[str]:
    """The texts of an SVG, without what only concerns their looks."""
    return re.findall(r">([^<>]+)</text>", file.read_text(encoding="utf-8"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_picture_is_of_today(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "docs.pictures.make_chat_picture", str(tmp_path / "chat.svg")],
        cwd=ROOT,
        check=True,
        timeout=PATIENCE * 3,
    )

    drawn = words(tmp_path / "chat.svg")
    assert "she is on holiday" in " ".join(drawn)
    assert words(PICTURES / "chat.svg") == drawn, "draw it again: python -m docs.pictures.make_chat_picture"
