"""Runs the checks, one after the other: the throw-away server's count must belong to one question."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from mcpbridge.config.profiles_model import Profile
from mcpbridge.doctor.asking import Cost, SpentUp
from mcpbridge.doctor.checks.connecting import find_way
from mcpbridge.doctor.exam import PLACES, Exam
from mcpbridge.doctor.facts import Measured, gathered
from mcpbridge.doctor.reading import Malformed
from mcpbridge.doctor.registry import CHECKS, Check
from mcpbridge.doctor.verdict import Severity, Verdict, finding, unknown, untested
from mcpbridge.errors import McpbridgeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A check with what it found."""

    check: Check
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that was found out about one endpoint."""

    base_url: str
    model: str
    lines: tuple[Line, ...]
    cost: Cost

    @property
    def measured(self) -> Measured:
        """The profile keys, each with the check that measured it."""
        return gathered([(line.check.name, line.verdict) for line in self.lines])

    @property
    def profile(self) -> Profile:
        """What may be relied on; what was not measured is claimed by nobody."""
        return self.measured.profile

    @property
    def examined(self) -> bool:
        """Whether there was anything to examine."""
        return not any(line.verdict.fatal for line in self.lines)

    @property
    def safe(self) -> bool:
        """Nothing was found that makes hosted servers unsafe; it may also not have been looked for."""
        return not any(line.verdict.unsafe for line in self.lines)

    def of(self, severity: Severity) -> list[Line]:
        return [line for line in self.lines if line.verdict.severity is severity]


async def examine(
    exam: Exam, chosen: Collection[str] = (), *, on_line: Callable[[Line], None] = lambda _line: None
) -> Examination:
    """Every check, or the chosen ones and those that come first. `on_line` is told of each at once.

    Ends with the first that leaves nothing to examine.
    """
    lines: list[Line] = []
    for check in CHECKS:
        if not _wanted(check, chosen):
            continue
        verdict = await _verdict(exam, check)
        lines.append(Line(check=check, verdict=verdict))
        on_line(lines[-1])
        if verdict.fatal:
            break
    return Examination(
        base_url=str(exam.asker.client.base_url), model=exam.model, lines=tuple(lines), cost=exam.asker.cost
    )


def _wanted(check: Check, chosen: Collection[str]) -> bool:
    if not chosen or check.first or check.name in chosen:
        return True
    return check.last and any(each.hosted for each in CHECKS if each.name in chosen)


async def _verdict(exam: Exam, check: Check) -> Verdict:
    """What the check found. Whatever the endpoint answers, the other checks go on."""
    try:
        return await _tried(exam, check)
    except Malformed as error:
        means = "mcpbridge ends a run at an answer that it cannot read"
        return replace(finding(check.asks, f"a malformed answer: {error}", means), facts=check.malformed)
    except McpbridgeError:
        raise
    except Exception as error:  # noqa: BLE001 # boundary: one answer must not hide what the others show
        return unknown(
            check.asks, f"the check failed ({type(error).__name__})", "a fault of the doctor's own"
        )


async def _tried(exam: Exam, check: Check) -> Verdict:
    if (check.server or check.hosted) and exam.throwaway is None:
        return untested(exam.why_no_server)
    try:
        if check.hosted:
            for place in PLACES:
                if (await find_way(exam, place)).arrived:
                    break
            if exam.place is None:
                return untested("the endpoint did not come to the throw-away server")
        return await check.run(exam)
    except SpentUp:
        return untested(f"--max-requests {exam.asker.limit} is reached")
