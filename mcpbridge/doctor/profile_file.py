"""The profile as a file that `model.profile` can name."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import yaml

from mcpbridge import __version__
from mcpbridge.core.question import visible
from mcpbridge.doctor.examine import Examination
from mcpbridge.doctor.facts import KEYS
from mcpbridge.doctor.reading import word


def profile_text(examination: Examination, *, name: str, at: datetime) -> str:
    """YAML, with a comment behind each key."""
    measured = examination.measured
    head = (
        f"# A profile: what one endpoint can do. To use it: model: {{profile: {_yaml(f'./{name}')}, ...}}",
        f"# Measured {at:%Y-%m-%d %H:%M} UTC by mcpbridge {__version__}, `mcpbridge doctor`,",
        f"# against {visible(examination.base_url, newlines=False)}, model {word(examination.model)}.",
        "# It is true of that endpoint on that day; measure again when the endpoint changes.",
    )
    lines = [
        f"{f'{key}: {_yaml(getattr(measured.profile, key))}':<28}  # {_note(measured.by.get(key))}"
        for key in KEYS
    ]
    return "\n".join([*head, *lines, ""])


def _yaml(value: bool | str) -> str:
    """One value on one line, quoted where YAML needs it."""
    dumped = yaml.safe_dump(value, width=10**6, allow_unicode=False, default_flow_style=True)
    return str(dumped).partition("\n")[0]


def _note(check: str | None) -> str:
    return f"measured by the check {check}" if check else "NOT measured; nothing is claimed"


def write_whole(path: Path, text: str, *, force: bool) -> None:
    """The whole file or none. Raises FileExistsError unless `force`, and OSError."""
    if not force:
        path.open("x").close()  # takes the name, and fails where it is taken, also in this moment
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except BaseException:  # boundary: also when interrupted, nothing half done stays behind
        for left in (new, *(() if force else (path,))):
            left.unlink(missing_ok=True)
        raise
