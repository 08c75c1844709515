"""Arguments are chosen by a model, and may be made to break whoever writes, reads or shows them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from mcpbridge import tool
from mcpbridge.audit import read, verify
from mcpbridge.service.brains.acts import Act, CallFunction, Say
from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.items.sight import Sight
from mcpbridge.service.running import running_in_thread
from tests.wire.outputs import outputs
from tests.wire.stack import ALL_ALLOWED, Stack

pyrage: Any = pytest.importorskip("pyrage", reason="the extra `sealed`")

POISON: Final[dict[str, str]] = {
    "lone surrogate": '{"text": "a\\ud800b"}',
    "not a number": '{"text": NaN}',
    "infinite": '{"text": -Infinity}',
    "ten to the 400th": '{"text": 1' + "0" * 400 + "}",
    "a huge exponent": '{"text": 1e999}',
    "depth": '{"text": ' + "[" * 5_000 + "]" * 5_000 + "}",
    "megabytes": '{"text": "' + "x" * 10_000_000 + '"}',
    "line separators": '{"text": "a\u2028b\u2029c\\u0085d\\n{\\"prev\\":\\"0\\"}"}',
    "escape": '{"text": "\\u001b[2J\\u001b]0;title\\u0007\\u009b31m"}',
    "right to left": '{"text": "\u202eadd to \u2066list\u2069\ufeff"}',
    "names twice": '{"text": "a", "text": "b"}',
    "a record's own name": '{"prev": "0", "seq": 1, "crc": "00000000", "type": "decision"}',
    "broken": '{"text": "a\x00',
    "nothing": "",
}
LEVELS: Final = ("none", "metadata", "arguments", "sealed", "full")


@dataclass(frozen=True, kw_only=True)
class Poisoner:
    """Calls the function once with each of the texts."""

    texts: tuple[str, ...]

    async def act(self, scene: Scene) -> AsyncIterator[Act]:
        if any(item.get("type") == "function_call_output" for item in scene.items):
            yield Say(text="done")
            return
        for text in self.texts:
            yield CallFunction(name="note", arguments=text)

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> None:
        return None


@tool
def note(text: str) -> str:
    """Take a note."""
    return f"noted {text!r}"


def poisoned(folder: Path, level: str) -> Path:
    """The log of a run in which the model tried everything."""
    public = str(pyrage.x25519.Identity.generate().to_public())
    audit: dict[str, Any] = {"path": "audit", "levels": {"local.*": level}, "allow_full": level == "full"}
    if level == "sealed":
        audit["recipients"] = [public]
    with running_in_thread(Poisoner(texts=tuple(POISON.values()))) as service:
        stack = Stack(folder=folder, endpoint=service, policy=ALL_ALLOWED, audit=json.dumps(audit))
        assert stack.run("go", tools=[note]).text == "done"
    return folder / "audit"


@pytest.mark.promise("audit-poison")
@pytest.mark.parametrize("level", LEVELS)
def test_poison_is_recorded_and_marked_and_breaks_nothing(
    level: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = poisoned(tmp_path, level)
    decisions = list(read(log, types=["decision"]))
    assert len(decisions) == len(POISON)
    lines = (log / "audit.jsonl").read_bytes()
    assert lines.count(b"\n") == len(list(read(log))), "one line each, however it is split"
    assert len(lines.decode().splitlines()) == lines.count(b"\n")
    assert (verify(log).flaw_count, verify(log).exit_code) == (0, 3)
    if level in ("arguments", "full"):
        marked = [record for record in decisions if record.get("sanitized")]
        assert marked, "what could not be written as it was says so"

    for words, out in outputs(log, decisions[0]["request_id"], capsys).items():
        if not words.startswith("file "):
            assert [character for character in out if _moves(character)] == [], words


def _moves(character: str) -> bool:
    """Whether a terminal would do something else than show it. (Line ends and tabs are ours.)"""
    kind = unicodedata.category(character)
    return (
        kind in ("Cc", "Cs") and character not in "\n\t\r"
    ) or character in "\u2028\u2029\u202e\u2066\u2069"
