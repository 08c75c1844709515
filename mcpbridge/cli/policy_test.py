"""`mcpbridge policy test`: the examples inside policies, and test files, with coverage of rules."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import Commands, add_json
from mcpbridge.cli.policy_beside import beside, note
from mcpbridge.cli.policy_inputs import load_policies
from mcpbridge.cli.policy_text import many, wrapped
from mcpbridge.core.question import visible
from mcpbridge.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from mcpbridge.cli.policy_cases import Case, CaseFile
    from mcpbridge.cli.policy_coverage import Coverage
    from mcpbridge.core.ruling import Ruling
    from mcpbridge.policy import Policy


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "test",
        help="run the examples of policies, and test files",
        description="Loads policies (their examples are checked as they load) and rules on the calls of test "
        "files as the live gate does: several policies together, the strictest wins. Exit code 0: all as "
        "expected, 1: a case is not, or the coverage is too low, 2: a file cannot be loaded.",
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="policy files (default: those that the test files name)"
    )
    parser.add_argument(
        "--cases", metavar="CASES.yaml", action="append", default=[], help="a test file (repeatable)"
    )
    parser.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML")
    parser.add_argument(
        "--coverage-min",
        metavar="N",
        type=_percent,
        default=0,
        help="fail when fewer than N percent of the rules ever match",
    )
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case, ruled on. `problems` is empty where all is as expected."""

    case: Case
    ruling: Ruling
    problems: tuple[str, ...]
    why: tuple[str, ...]


def run(args: argparse.Namespace) -> int:
    """Run everything, and say what differs."""
    try:
        suites = _suites(args.files, args.cases)
    except ConfigurationError as error:
        if not args.json:
            raise
        problems = [{"file": one.file, "line": one.line, "message": one.message} for one in error.problems]
        print(json.dumps({"ok": False, "exit_code": USAGE, "problems": problems}))
        return USAGE
    results = [result for policies, file in suites if file for result in _run(policies, file)]
    coverage = _covered(suites)
    policies = [policy for used, _ in suites for policy in used]
    code = (
        FAILED if coverage.percent < args.coverage_min or any(one.problems for one in results) else COMPLETED
    )
    if args.junit is not None:
        _write_junit(args.junit, results)
    if args.json:
        print(json.dumps({**_as_json(results, coverage, code), "not_looked_at": beside(policies)}))
    else:
        for line in [*_report(results, coverage, args.coverage_min), *note(policies)]:
            print(line)
    return code


def _suites(files: Sequence[str], cases: Sequence[str]) -> list[tuple[list[Policy], CaseFile | None]]:
    """The policies of the command line, and those of each test file with its cases."""
    from mcpbridge.cli.policy_cases import read_cases

    problems: list[Any] = []
    read: list[CaseFile] = []
    for name in cases:
        try:
            read.append(read_cases(name))
        except ConfigurationError as error:
            problems += error.problems
    loaded: dict[tuple[str, ...], list[Policy]] = {}
    for names in [tuple(files), *(one.policies for one in read)]:
        try:
            loaded.setdefault(names, load_policies(names))
        except ConfigurationError as error:
            problems += [one for one in error.problems if one not in problems]
    if problems:
        raise ConfigurationError(problems)
    if not files and not all(one.policies for one in read):
        raise UsageError("which policy? Name one, or write `policies: [policy.yaml]` into the test file")
    if not files and not read:
        raise UsageError("nothing to test: name a policy file, or a test file with --cases")
    mine = loaded[tuple(files)]
    return [(mine, None), *((loaded[one.policies] if one.policies else mine, one) for one in read)]


def _run(policies: Sequence[Policy], file: CaseFile) -> Iterator[Result]:
    from mcpbridge.policy import rule
    from mcpbridge.policy.changed import enforcing_or_all

    enforced = enforcing_or_all(policies)
    for case in file.cases:
        ruling = rule(case.action, enforced, case.facts)
        problems = tuple(case.expected.differs(ruling))
        why = _why(case, policies) if problems else ()
        yield Result(case=case, ruling=ruling, problems=problems, why=why)


def _why(case: Case, policies: Sequence[Policy]) -> tuple[str, ...]:
    from mcpbridge.cli.policy_explained import in_short
    from mcpbridge.cli.policy_values import Shown
    from mcpbridge.policy.explain import explain

    return tuple(in_short(explain(case.action, policies, case.facts, Shown())))


def _covered(suites: Sequence[tuple[list[Policy], CaseFile | None]]) -> Coverage:
    from mcpbridge.cli.policy_coverage import coverage

    return coverage([(policies, file.cases if file else ()) for policies, file in suites])


def _report(results: Sequence[Result], coverage: Coverage, wanted: int) -> Iterator[str]:
    failed = [one for one in results if one.problems]
    for one in failed:
        for problem in one.problems:
            place = f"{one.case.file}:{one.case.line}"
            yield from wrapped(visible(f"{place}: {one.case.name}: {problem}", newlines=False), more="  ")
        yield from (f"  {line}" for line in one.why)
    for policy, rule, line in coverage.never:
        note = f"{policy}:{line}: note: the rule `{rule}` matched in no case and no example"
        yield from wrapped(note, more="  ")
    counts = f"{len(results) - len(failed)} of {many(len(results), 'case')} as expected"
    yield f"{counts}, {many(coverage.examples, 'example')} checked"
    percent = f"{coverage.matched} of {many(coverage.rules, 'rule')} matched ({coverage.percent} %)"
    low = f"; {wanted} % are wanted" if coverage.percent < wanted else ""
    yield f"{percent}{low}"


def _as_json(results: Sequence[Result], coverage: Coverage, code: int) -> dict[str, Any]:
    return {
        "ok": code == COMPLETED,
        "exit_code": code,
        "cases": [
            {
                "name": one.case.name,
                "file": one.case.file,
                "line": one.case.line,
                "ok": not one.problems,
                "problems": list(one.problems),
                "decision": one.ruling.effect.value,
                "outcome": one.ruling.outcome.value if one.ruling.outcome else None,
                "rules": list(one.ruling.rule_ids),
                "reason": one.ruling.reason,
                "why": list(one.why),
            }
            for one in results
        ],
        "examples": coverage.examples,
        "coverage": {
            "percent": coverage.percent,
            "rules": coverage.rules,
            "matched": coverage.matched,
            "never": [{"policy": p, "rule": r, "line": line} for p, r, line in coverage.never],
        },
    }


def _write_junit(place: str, results: Sequence[Result]) -> None:
    from mcpbridge.cli.policy_junit import as_junit

    try:
        Path(place).write_text(as_junit(results), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}; name a file that can be written") from None


def _percent(text: str) -> int:
    if not text.isdecimal() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage; write a number from 0 to 100")
    return int(text)
