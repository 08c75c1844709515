"""What `mcpbridge doctor` prints: for people at 80 columns, and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mcpbridge import __version__
from mcpbridge.config.profiles_model import Profile
from mcpbridge.core.question import visible
from mcpbridge.doctor.examine import Examination, Line
from mcpbridge.doctor.facts import KEYS
from mcpbridge.doctor.reading import word
from mcpbridge.doctor.verdict import Severity

_WIDTH: Final = 80
_WORD: Final = 8
_NAME: Final = 20
_TITLES: Final = {Severity.FINDING: "finding", Severity.UNKNOWN: "unknown", Severity.OK: "ok"}
_COLOURS: Final = {Severity.FINDING: "33", Severity.UNKNOWN: "2", Severity.OK: "32"}
_NEEDED: Final = {"hosted_mcp": "hosted", "approvals_honoured": "approvals"}
"""The keys without which hosted servers are refused, and the check that can say yes to each."""
_UNSAFE: Final = "1;31"


def report(examination: Examination, configured: Profile | None, *, color: bool) -> Iterator[str]:
    """Findings first, then what is unknown, then what is as it should be."""
    yield f"{visible(examination.base_url, newlines=False)}  {word(examination.model)}"
    yield ""
    for line in sorted(examination.of(Severity.FINDING), key=lambda line: not line.verdict.unsafe):
        yield from _entry(line, color=color)
    yield from _unknown(examination.of(Severity.UNKNOWN), color=color)
    for line in examination.of(Severity.OK):
        yield from _entry(line, color=color)
    yield ""
    yield from _summary(examination)
    if configured is not None:
        yield from _compared(examination, configured)
    yield _cost(examination)


def _cost(examination: Examination) -> str:
    cost = examination.cost
    requests = f"{cost.requests} request{'s' * (cost.requests != 1)}"
    tokens = f"{cost.input_tokens} tokens in, {cost.output_tokens} out"
    return f"Cost: {requests}, {tokens} (as the endpoint counts)."


def _unknown(lines: Sequence[Line], *, color: bool) -> Iterator[str]:
    """What was tried and remained open; then what was not tested, each reason once."""
    reasons: dict[str, list[str]] = {}
    for line in lines:
        if line.verdict.untested:
            reasons.setdefault(line.verdict.untested, []).append(line.check.name)
        else:
            yield from _entry(line, color=color)
    for reason, names in reasons.items():
        text = [*_wrapped(f"{reason}:"), *_wrapped(", ".join(names))]
        yield from _placed("unknown", _COLOURS[Severity.UNKNOWN], "not tested", text, color=color)


def _entry(line: Line, *, color: bool) -> Iterator[str]:
    verdict = line.verdict
    word = "UNSAFE" if verdict.unsafe else _TITLES[verdict.severity]
    if verdict.severity is Severity.OK:
        wrapped = _wrapped(verdict.came)
    else:
        said = f"{verdict.sent} -> {verdict.came}" if verdict.sent else verdict.came
        wrapped = [*_wrapped(said), *(_wrapped(f"=> {verdict.means}") if verdict.means else [])]
    code = _UNSAFE if verdict.unsafe else _COLOURS[verdict.severity]
    yield from _placed(word, code, line.check.name, wrapped, color=color)


def _placed(word: str, code: str, name: str, text: Sequence[str], *, color: bool) -> Iterator[str]:
    """The word, the name, and the text in a column of its own."""
    painted = f"{word:<{_WORD}}"
    if color:
        painted = f"\x1b[{code}m{painted}\x1b[0m"
    for number, line in enumerate(text or [""]):
        head = f"{painted}{name:<{_NAME}}" if number == 0 else " " * (_WORD + _NAME)
        yield f"{head}{line}".rstrip()


def _wrapped(text: str, width: int = 0) -> list[str]:
    shown = visible(text, newlines=False)
    return textwrap.wrap(shown, width or _WIDTH - _WORD - _NAME, break_on_hyphens=False)


def _summary(examination: Examination) -> Iterator[str]:
    if not examination.examined:
        yield "The endpoint could not be examined."
        return
    profile = examination.profile
    if not examination.safe:
        yield "Hosted servers are UNSAFE there. Do not use a profile that allows them."
    elif profile.hosted_mcp and profile.approvals_honoured and _led_nowhere(examination):
        yield "Hosted servers are safe there and of no use: approved calls do not run."
    elif profile.hosted_mcp and profile.approvals_honoured:
        yield "Hosted servers can be used: it connects, asks, and does what was approved."
    else:
        yield _not_usable(examination)
    counts = [f"{len(examination.of(s))} {_TITLES[s]}" for s in Severity if examination.of(s)]
    yield f"{len(examination.lines)} checks: {', '.join(counts)}."


def _not_usable(examination: Examination) -> str:
    """Only what was measured forbids; what was not tested is named."""
    by, profile = examination.measured.by, examination.profile
    missing = [check for key, check in _NEEDED.items() if key not in by]
    if any(key in by and not getattr(profile, key) for key in _NEEDED):
        return "Hosted servers cannot be used there; everything else can."
    if len(missing) == len(_NEEDED):
        return "Hosted servers: not tested, so nothing is claimed about them."
    return f"Hosted servers: not tested by the check {', '.join(missing)}, so they are not claimed to work."


def _led_nowhere(examination: Examination) -> bool:
    return any(line.check.name == "approved" for line in examination.of(Severity.FINDING))


def _compared(examination: Examination, configured: Profile) -> Iterator[str]:
    differences = examination.measured.differences(configured)
    if not differences:
        yield f"The configured profile ({configured.name}) says nothing else."
    for key, old, new in differences:
        yield f"The configuration says {key}: {_word(old)}; measured: {_word(new)}."


def _word(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def as_json(examination: Examination, configured: Profile | None, *, at: str) -> dict[str, Any]:
    """One object; names and types stay, keys may be added."""
    measured, cost = examination.measured, examination.cost
    found: dict[str, Any] = {
        "doctor": 1,
        "version": __version__,
        "at": at,
        "base_url": examination.base_url,
        "model": examination.model,
        "examined": examination.examined,
        "safe": examination.safe,
        "checks": [_check(line) for line in examination.lines],
        "profile": {key: getattr(measured.profile, key) for key in KEYS if key in measured.by},
        "cost": {
            "requests": cost.requests, "input_tokens": cost.input_tokens, "output_tokens": cost.output_tokens
        },
    }  # fmt: skip
    if configured is not None:
        found["configured"] = _differences(examination, configured)
    return found


def _differences(examination: Examination, configured: Profile) -> Sequence[dict[str, bool | str]]:
    differences = examination.measured.differences(configured)
    return [{"key": key, "configured": old, "measured": new} for key, old, new in differences]


def _check(line: Line) -> dict[str, Any]:
    verdict = line.verdict
    return {
        "name": line.check.name,
        "asks": line.check.asks,
        "severity": verdict.severity.value,
        "unsafe": verdict.unsafe,
        "tested": not verdict.untested,
        "sent": verdict.sent,
        "came": verdict.came or verdict.untested,
        "means": verdict.means,
        "facts": dict(verdict.facts),
    }
