"""`mcpbridge policy check`: load policies and say what is questionable in them."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_json
from mcpbridge.cli.policy_inputs import configuration, known_world, policy_text, read_tools
from mcpbridge.cli.policy_text import many, wrapped
from mcpbridge.core.question import visible
from mcpbridge.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from mcpbridge.config import Configuration
    from mcpbridge.policy.lint import Finding, Known

_UNLOADED: Final = frozenset({"not-loaded", "missing-default"})


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "check",
        help="find what is wrong or questionable in policy files",
        description="Loads policies (and checks their examples), then looks for rules that decide nothing, "
        "conditions that always or never hold, names that do not exist, globs that are too wide, and more. "
        "What is meant can be accepted with a comment `# accept: CHECK` on its line or the one above. Exit "
        "code 0: nothing found, 1: findings, 2: a file cannot be loaded. Contacts nobody without --probe.",
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        help="policy files, or names of shipped ones (default: those of the configuration)",
    )
    parser.add_argument(
        "-c", "--config", metavar="CONFIG", help="its servers, allowed_tools and groups are what is known"
    )
    parser.add_argument(
        "--tools",
        metavar="TOOLS.json",
        action="append",
        default=[],
        help="tools that are known: an MCP tools/list result, functions, or `servers probe --json`; "
        "LABEL=FILE names the server (repeatable)",
    )
    parser.add_argument(
        "--probe", action="store_true", help="ask the servers of the configuration for their tools"
    )
    parser.add_argument("--strict", action="store_true", help="notes count as findings too")
    parser.add_argument("--sarif", metavar="FILE", help="write SARIF 2.1.0 for code hosts; - prints it")
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, and say what was found."""
    if args.probe and args.config is None:
        if not Path(DEFAULT_CONFIG).exists():
            raise UsageError(
                f"--probe asks the servers of a configuration, and there is no ./{DEFAULT_CONFIG}; "
                "name one with -c FILE"
            )
        args.config = DEFAULT_CONFIG
    if args.json and args.sarif == "-":
        raise UsageError("--json and --sarif - both print; write --sarif FILE")
    found, files = _findings(args)
    if args.sarif is not None:
        _write_sarif(args.sarif, found)
    code = _code(found, strict=args.strict)
    if args.json:
        print(json.dumps(_as_json(found, files, code)))
    elif args.sarif != "-":
        for line in _report(found, files, strict=args.strict):
            print(line)
    return code


def _findings(args: argparse.Namespace) -> tuple[list[Finding], list[str]]:
    """What is found, and in which files was looked."""
    from mcpbridge.policy.lint import from_problem

    config: Configuration | None = None
    if not args.files and args.config is None:
        if not Path(DEFAULT_CONFIG).exists():
            raise UsageError("which policy? Name a policy file, or a configuration with -c FILE")
        args.config = DEFAULT_CONFIG
    try:
        config = configuration(args)
    except ConfigurationError as error:
        found = [from_problem(problem, _text_of(problem.file)) for problem in error.problems]
        return found, sorted({problem.file for problem in error.problems})
    known = known_world(read_tools(args.tools), config, probe=args.probe)
    if args.files:
        given = [(name, policy_text(name)) for name in args.files]
    else:
        given = [(policy.file, policy.text) for policy in config.policies] if config else []
    found = [one for file, text in given for one in _look(file, text, known)]
    return found, [file for file, _ in given]


def _text_of(file: str) -> str:
    try:
        return policy_text(file)
    except UsageError:
        return ""


def _look(file: str, text: str, known: Known | None) -> list[Finding]:
    from mcpbridge.policy import load_policy
    from mcpbridge.policy.lint import from_problem, lint

    try:
        policy = load_policy(text, file=file)
    except ConfigurationError as error:
        return [from_problem(problem, text) for problem in error.problems]
    return lint(policy, known)


def _code(found: Sequence[Finding], *, strict: bool) -> int:
    if any(one.check in _UNLOADED for one in found):
        return USAGE
    return FAILED if any(_counts(one, strict=strict) for one in found) else COMPLETED


def _counts(one: Finding, *, strict: bool) -> bool:
    return not one.accepted and (strict or one.level != "note")


def _write_sarif(place: str, found: Sequence[Finding]) -> None:
    from mcpbridge.cli.policy_sarif import as_sarif

    text = json.dumps(as_sarif(found), indent=2)
    if place == "-":
        print(text)
        return
    try:
        Path(place).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}; name a file that can be written") from None


def _report(found: Sequence[Finding], files: Sequence[str], *, strict: bool) -> Iterator[str]:
    shown = [one for one in found if not one.accepted]
    for one in shown:
        yield from _lines(one)
    counts = Counter(one.level.value for one in shown)
    accepted = len(found) - len(shown)
    parts = [many(counts[level], level) for level in ("error", "warning", "note") if counts[level]]
    said = ", ".join(parts) or "nothing found"
    where = files[0] if len(files) == 1 else f"{len(files)} files"
    yield f"{where}: {said}{f' ({accepted} accepted)' if accepted else ''}"
    if shown and not any(_counts(one, strict=strict) for one in shown):
        yield "Notes alone are no failure (--strict makes them one)."


def _lines(one: Finding) -> Iterator[str]:
    """Like a compiler: the place first, then what is there, then what to write."""
    place = f"{one.file}:{one.line}" if one.line else one.file
    text = f"{place}: {one.level.value}: {visible(one.message, newlines=False)} [{one.check}]"
    yield from wrapped(text, more="  ")
    if one.instead:
        yield from wrapped(visible(one.instead, newlines=False), "  -> ", "     ")


def _as_json(found: Sequence[Finding], files: Sequence[str], code: int) -> dict[str, Any]:
    return {
        "ok": code == COMPLETED,
        "exit_code": code,
        "files": list(files),
        "findings": [{**asdict(one), "level": one.level.value} for one in found],
    }
