"""Draws docs/pictures/chat.svg: a real `mcpbridge chat` at a pseudo-terminal of 80 columns, with the local
service and the demo's issue tracker. Deterministic: the tracker's port is drawn as 8799.

    python -m docs.pictures.make_chat_picture [FILE]
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pexpect
import pyte

from docs.pictures.svg import svg
from mcpbridge.demo.server import Tracker
from mcpbridge.demo.server import running_in_thread as running_tracker
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread as running_service

HERE = Path(__file__).parent
COLUMNS, ROWS = 80, 60
_ALLOW, _REASON = "this conversation:", "(optional):"
_CONFIG = """\
model: {{name: scripted, endpoint: local, url: "{service}"}}
servers:
  - label: tracker
    url: {tracker}
    headers: {{Authorization: "Bearer ${{env:TRACKER_TOKEN}}"}}
policy: policy.yaml
audit: {{path: audit}}
principal: ada
"""
_CONVERSATION = (
    ("Ctrl-D leaves.\n\n>", "The CSV export is slow. Open a follow-up and tell Mira."),
    (_ALLOW, "y"),
    (f"{_ALLOW} y.*{_ALLOW}", "n"),
    (_REASON, "she is on holiday"),
    ("is measured..*\n>", "/quit"),
)
"""What is waited for on the screen (dots and stars stand for anything), and what is typed then."""


class _Dim(pyte.Screen):
    """Remembers which cells were written dim."""

    def __init__(self, columns: int, lines: int) -> None:
        self.faint: set[tuple[int, int]] = set()
        self.dim = False
        super().__init__(columns, lines)

    def select_graphic_rendition(self, *attributes: int, **options: bool) -> None:
        self.dim = 2 in attributes or (self.dim and 0 not in attributes and attributes != ())
        super().select_graphic_rendition(*attributes, **options)

    def draw(self, data: str) -> None:
        for character in data:
            before = self.cursor.x
            super().draw(character)
            place = (self.cursor.y, before if self.cursor.x > before else 0)
            (self.faint.add if self.dim else self.faint.discard)(place)


def main(target: Path) -> None:
    """Talk, and draw what stands on the screen."""
    with (
        tempfile.TemporaryDirectory() as name,
        running_tracker() as tracker,
        running_service(HERE / "script.yaml") as service,
    ):
        _prepare(Path(name), service, tracker)
        written = _talk(Path(name), tracker)
    screen = _Dim(COLUMNS, ROWS)
    pyte.Stream(screen).feed(re.sub(r"(http://127\.0\.0\.1:)\d+/mcp", r"\g<1>8799/mcp", written))
    shown = [row.rstrip() for row in screen.display]
    last = max(number for number, row in enumerate(shown) if row.strip("> "))
    rows = [[screen.buffer[y][x] for x in range(COLUMNS)] for y in range(last + 1)]
    title = "A chat: one call is allowed by a rule, one by a person, one is denied with a reason"
    target.write_text(svg(rows, faint=screen.faint, title=title), encoding="utf-8")


def _prepare(folder: Path, service: LocalEndpoint, tracker: Tracker) -> None:
    shutil.copy(HERE / "policy.yaml", folder)
    config = _CONFIG.format(service=service.base_url, tracker=tracker.url)
    (folder / "mcpbridge.yaml").write_text(config, encoding="utf-8")


def _talk(folder: Path, tracker: Tracker) -> str:
    env = {
        **os.environ,
        "TERM": "xterm-256color",
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "TRACKER_TOKEN": tracker.token,
        "PYTHONPATH": str(HERE.parents[1]),
    }
    env.pop("NO_COLOR", None)
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable,
        ["-m", "mcpbridge", "chat", "--by", "ada", "--no-history"],
        cwd=str(folder),
        env=env,
        dimensions=(ROWS, COLUMNS),
        timeout=60,
        encoding="utf-8",
    )
    screen, written = pyte.Screen(COLUMNS, ROWS), ""
    stream = pyte.Stream(screen)
    for awaited, typed in _CONVERSATION:
        while not _stands(awaited, screen):
            piece = child.read_nonblocking(65536, timeout=60)
            stream.feed(piece)
            written += piece
        child.send(f"{typed}\r")
    child.expect(pexpect.EOF)
    child.close()
    return written


def _stands(awaited: str, screen: pyte.Screen) -> bool:
    """Whether it is on the screen now."""
    shown = "\n".join(row.rstrip() for row in screen.display).rstrip()
    return re.search(".*".join(map(re.escape, awaited.split(".*"))) + r"\Z", shown, re.DOTALL) is not None


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "chat.svg")
