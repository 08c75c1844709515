"""Files that a configuration names, and the configuration itself: text, or a problem with file and line."""

from __future__ import annotations

import os
from pathlib import Path

from mcpbridge.config.reader import Findings, Reader
from mcpbridge.config.suggest import closest
from mcpbridge.core.yaml_lines import Document, YamlProblem, parse_yaml
from mcpbridge.errors import Problem


class Unreadable(Exception):
    """A file that cannot be read as text; the message says why."""


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without a byte order mark. Raises Unreadable."""
    problem = "it is not UTF-8 text"
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problem = "there is no such file"
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        pass
    raise Unreadable(problem)  # outside, so that no file content becomes its context


def joined(directory: Path, value: str) -> Path:
    """A path as a file names it: `~` is the home directory, relative ones start at the file's directory."""
    return directory / os.path.expanduser(value)


def similar(path: Path) -> str:
    """`; did you mean …?` where a YAML file of nearly this name lies beside it, else nothing."""
    try:
        stems = {file.stem: file.name for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml")}
    except OSError:
        return ""
    found = closest(path.stem, stems)
    return f"; did you mean {stems[found]!r}?" if found else ""


def text_of(entry: Reader, value: str, key: str, *keys: str | int) -> tuple[str, str, Path] | None:
    """Text, name and directory of a file that `entry` names; relative to the file it is named in."""
    path = joined(entry.directory, value)
    try:
        text = read_text(path)
    except Unreadable as error:
        entry.refuse(f"{key}: {value}: {error} (looked for {path}){similar(path)}", key, *keys)
        return None
    return text, str(Path(entry.file).parent / value), path.parent


def reader_of(text: str, *, file: str, directory: Path, findings: Findings) -> Reader | None:
    """The mapping a YAML text holds; None, and a problem, when it holds none."""
    document = _document(text, file, findings)
    if document is None:
        return None
    if not isinstance(document.value, dict):
        found = "it is empty" if document.value is None else "it holds something else"
        findings.problems.append(
            Problem(file=file, line=document.line(()), message=f"the file must be a mapping of keys; {found}")
        )
        return None
    return Reader(document=document, file=file, directory=directory, findings=findings)


def _document(text: str, file: str, findings: Findings) -> Document | None:
    try:
        return parse_yaml(text)
    except YamlProblem as problem:
        findings.problems.append(Problem(file=file, line=problem.line, message=str(problem)))
        return None
