"""Server declarations and policies that come with mcpbridge."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from mcpbridge.config.suggest import instead

Kind = Literal["servers", "policies"]


class NotShipped(LookupError):
    """No file of that name comes with mcpbridge; the message lists what does."""


def shipped(kind: Kind, name: str, *, roots: Sequence[Traversable] = ()) -> tuple[str, str]:
    """Text and path of a shipped file. Raises NotShipped."""
    found = _files(kind, roots)
    if name not in found:
        raise NotShipped(f"no {_ONE[kind]} named {name!r} comes with mcpbridge; {instead(name, found)}")
    file = found[name]
    return file.read_text(encoding="utf-8"), str(file)


def shipped_names(kind: Kind, *, roots: Sequence[Traversable] = ()) -> tuple[str, ...]:
    """Names of all shipped files of a kind, sorted."""
    return tuple(sorted(_files(kind, roots)))


def is_shipped_name(value: str) -> bool:
    """A value without a folder and without `.yaml` or `.yml` names something shipped; others are files."""
    return not any(mark in value for mark in ("/", "\\")) and not value.endswith((".yaml", ".yml"))


_ONE = {"servers": "server declaration", "policies": "policy"}


def _files(kind: Kind, roots: Sequence[Traversable]) -> dict[str, Traversable]:
    for root in roots or _default_roots():
        folder = root.joinpath(kind)
        if folder.is_dir():
            return {file.name[:-5]: file for file in folder.iterdir() if file.name.endswith(".yaml")}
    return {}


def _default_roots() -> tuple[Traversable, ...]:
    # The wheel holds mcpbridge/data/; an editable install or a checkout has the folders beside the package.
    return files("mcpbridge").joinpath("data"), Path(__file__).resolve().parents[2]
