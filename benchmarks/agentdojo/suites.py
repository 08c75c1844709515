"""The data that extract.py wrote, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mcpbridge.policy.draft import Toolbox, read_definitions

from .extract import DATA, SUITES
from .reconstructed import RECONSTRUCTED

DEVELOPED_ON: Final = ("workspace", "banking")
"""The suites that were looked at while the drafter was written. The others were run once, at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A user task (its text is the prompt) or an injection task (its text is the goal)."""

    id: str
    text: str
    calls: tuple[Call, ...]
    reconstructed: bool = False
    """AgentDojo gives no calls for it; these are ours, made from its goal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    name: str
    toolbox: Toolbox
    user_tasks: tuple[Task, ...]
    injection_tasks: tuple[Task, ...]


def load_suites(names: Sequence[str], folder: Path = DATA) -> list[Suite]:
    return [_load(name, folder / f"{name}.json") for name in names]


def _load(name: str, file: Path) -> Suite:
    if name not in SUITES:
        raise SystemExit(f"no suite {name!r}; there are: {', '.join(SUITES)}")
    if not file.is_file():
        raise SystemExit(f"{file} is missing; write it with benchmarks/agentdojo/extract.py {name}")
    text = file.read_text(encoding="utf-8")
    data = json.loads(text)
    ours = RECONSTRUCTED.get(name, {})
    [toolbox] = read_definitions(text, file=file.name, label=name)
    return Suite(
        name=name,
        toolbox=toolbox,
        user_tasks=tuple(_task(task["id"], task["prompt"], task["calls"]) for task in data["user_tasks"]),
        injection_tasks=tuple(
            _task(task["id"], task["goal"], task["calls"] or ours.get(task["id"], ()), ours=not task["calls"])
            for task in data["injection_tasks"]
        ),
    )


def _task(name: str, text: str, calls: Sequence[Mapping[str, Any]], *, ours: bool = False) -> Task:
    found = tuple(Call(tool=call["tool"], arguments=call["arguments"]) for call in calls)
    return Task(id=name, text=text, calls=found, reconstructed=ours and bool(found))
