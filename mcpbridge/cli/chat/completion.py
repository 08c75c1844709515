"""Completion at the prompt: commands, what they take, and paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

Candidates = Callable[[str], Iterable[tuple[str, int]]]
"""What could stand at the end of the text, each with how many characters it replaces."""
_MOST: Final = 200
"""Entries of a folder that are offered."""


class CommandCompleter(Completer):
    """Offers the candidates for the text before the cursor."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        for text, size in self._candidates(document.text_before_cursor):
            yield Completion(text, start_position=-size)


def paths(begun: str, suffixes: frozenset[str] | None = None) -> Iterator[tuple[str, int]]:
    """Files (of these suffixes) and folders that go on from `begun`."""
    folder, _, name = begun.rpartition("/")
    shown = f"{folder}/" if "/" in begun else ""
    try:
        entries = sorted(Path(shown or ".").expanduser().iterdir())
    except OSError:
        return
    fitting = (entry for entry in entries if entry.name.startswith(name) and (name or entry.name[:1] != "."))
    for entry, _ in zip(fitting, range(_MOST), strict=False):
        if entry.is_dir():
            yield f"{shown}{entry.name}/", len(begun)
        elif suffixes is None or entry.suffix.lower() in suffixes:
            yield f"{shown}{entry.name}", len(begun)
