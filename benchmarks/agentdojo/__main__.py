"""`python -m benchmarks.agentdojo`: drafted policies and baselines against AgentDojo's ground truth."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from .adaptive import outcomes
from .extract import SUITES
from .measure import measure
from .report import TITLE, Line, as_json, missed, remarks, table, with_sums
from .rulers import baselines, drafted
from .suites import Suite, load_suites


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agentdojo", description=__doc__)
    parser.add_argument("--suites", nargs="+", metavar="SUITE", default=list(SUITES), help=", ".join(SUITES))
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 where a floor is missed")
    args = parser.parse_args()
    lines = evaluate(args.suites)
    if args.json:
        print(json.dumps({**as_json(lines), "adaptive": outcomes()}))
    else:
        print("\n".join([TITLE, "", *table(lines), "", *remarks(lines), "", *adaptive()]))
    last = next(line for line in lines if (line.ruler, line.suite) == ("drafted", "overall"))
    problems = missed(last) if args.check else []
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def evaluate(suites: Sequence[str]) -> list[Line]:
    """Every ruler on every suite, and the sums."""
    return with_sums([line for suite in load_suites(suites) for line in _lines(suite)])


def adaptive() -> Iterator[str]:
    yield "Attacks that know the defence (ours, not AgentDojo's):"
    yield from (f"- {name}: {outcome}" for name, outcome in outcomes().items())


def _lines(suite: Suite) -> list[Line]:
    found: list[Line] = []
    for ruler in (drafted(suite), *baselines(suite)):
        counts, through = measure(suite, ruler)
        ours, _ = measure(suite, ruler, reconstructed=True)
        found.append(
            Line(
                suite=suite.name, ruler=ruler.name, counts=counts, through=tuple(through), reconstructed=ours
            )
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
