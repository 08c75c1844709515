"""`mcpbridge init`: a configuration and a policy to start from."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, command_line
from mcpbridge.errors import UsageError

_FILES: Final = (DEFAULT_CONFIG, "policy.yaml")
_IGNORE: Final = ("audit/", "*.state.json", "*.json.lock")
_IGNORE_COMMENT: Final = "# what mcpbridge writes: the log and its key, saved conversations and their locks"


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "init",
        help="write a configuration and a policy to start from",
        description=f"Writes {' and '.join(_FILES)}, with comments, and a .gitignore "
        "where there is none. Overwrites nothing unless told to.",
    )
    parser.add_argument("directory", metavar="DIR", nargs="?", default=".", help="where (default: here)")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write both files, or none."""
    directory = Path(args.directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_start(directory, force=args.force)
    except FileExistsError as error:
        raise UsageError(f"{error.filename} is there already; --force overwrites both files") from None
    except OSError as error:
        raise UsageError(f"{error.filename or directory} cannot be written: {error.strerror}") from None
    print("Wrote " + " and ".join(str(directory / name) for name in _FILES) + ".")
    print(_ignored(directory))
    print("Next:")
    for command in _next(directory):
        print(f"  {command}")
    return COMPLETED


def _ignored(directory: Path) -> str:
    """Keep what a run writes out of version control. A file that is there belongs to its owner."""
    file = directory / ".gitignore"
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write("\n".join((_IGNORE_COMMENT, *_IGNORE, "")))
    except OSError:  # there already, or not to be written: then it is said instead
        missing = [line for line in _IGNORE if line not in _lines(file)]
        return f"Add to {file}: {'  '.join(missing)}" if missing else f"{file} keeps what a run writes out."
    return f"Wrote {file}, which keeps what a run writes out of version control."


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _next(directory: Path) -> Iterator[str]:
    if directory != Path():
        yield command_line(["cd", str(directory)])
    yield f"{'set' if os.name == 'nt' else 'export'} OPENAI_API_KEY=sk-..."
    yield "mcpbridge check"
    yield "mcpbridge servers probe"
    yield 'mcpbridge run "What is the GitHub repository modelcontextprotocol/python-sdk about?"'


def write_start(directory: Path, *, force: bool) -> None:
    """Each file whole, and both or none. Raises FileExistsError unless `force`, and OSError."""
    targets = [directory / name for name in _FILES]
    claimed: list[Path] = []
    written: list[Path] = []
    try:
        if not force:
            _claim(targets, claimed)
        for target in targets:
            written.append(target.with_name(f".{target.name}.{os.getpid()}.new"))
            written[-1].write_bytes(files("mcpbridge.cli").joinpath("start", target.name).read_bytes())
        for source, target in zip(written, targets, strict=True):
            os.replace(source, target)
    except BaseException:  # boundary: also when interrupted, nothing half done stays behind
        for path in (*written, *claimed):
            path.unlink(missing_ok=True)
        raise


def _claim(targets: Sequence[Path], claimed: list[Path]) -> None:
    """Take the names, which fails where one is taken, also by another `init` at this moment."""
    for target in targets:
        target.open("x").close()
        claimed.append(target)
