"""What the tests of the doctor share: one examination of the local service, with the planner as its model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mcpbridge.config import SecretSources, load_config_text
from mcpbridge.doctor.examine import Examination, Line
from mcpbridge.doctor.verdict import Severity, Verdict
from mcpbridge.doctor.visit import Visit
from mcpbridge.service.brains.planner.planner import PlannerBrain
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running_in_thread

QUICK = ("--linger", "1ms")
"""Nothing comes late here, and nobody waits for it."""
TIMEOUT = 60.0
"""Seconds; no test waits for it."""


def examined(endpoint: LocalEndpoint, only: Sequence[str] = (), **changes: Any) -> Examination:
    """The service as the doctor sees it; the key is what the service wants."""
    own: dict[str, Any] = {"key": endpoint.api_key, "model": endpoint.models[0]}
    return visited(endpoint.base_url, only, **(own | changes))


def visited(
    url: str,
    only: Sequence[str] = (),
    *,
    key: str = "local-key",
    settings: str = "",
    on_line: Callable[[Line], None] = lambda _line: None,
    **changes: Any,
) -> Examination:
    """Any endpoint as the doctor sees it. `settings` are further keys of the `model:` section."""
    model = f'name: m, endpoint: "{url}", profile: {{}}, api_key: "${{env:KEY}}"{settings}'
    sources = SecretSources(env={"KEY": key}, read_file=lambda path: "", keyring=lambda service, user: None)
    text = f"model: {{{model}}}\npolicy: read-only\n"
    config = load_config_text(text, file="test", directory=Path(), sources=sources).model
    options: dict[str, Any] = {"model": "m", "other_model": "other", "timeout": TIMEOUT, "max_requests": 100}
    visit = Visit(config=config, chosen=only, **(options | changes))
    return asyncio.run(visit.examine(sources=sources, on_line=on_line))


def examined_with(*quirks: str, only: Sequence[str] = (), mind: Any = None, **changes: Any) -> Examination:
    """A service of its own with these quirks, seen by the doctor."""
    with running_in_thread(mind or PlannerBrain(), quirks=quirks) as endpoint:
        return examined(endpoint, only, **changes)


def names(examination: Examination, severity: Severity) -> set[str]:
    return {line.check.name for line in examination.of(severity)}


def verdict(examination: Examination, name: str) -> Verdict:
    return next(line.verdict for line in examination.lines if line.check.name == name)
