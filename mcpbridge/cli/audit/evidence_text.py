"""All evidence of one decision, for people: on 80 columns, with everything from outside made visible."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, cast

from rich.cells import cell_len

from mcpbridge.audit import RecordType
from mcpbridge.audit.read import seq_of
from mcpbridge.audit.review.coverage import Coverage
from mcpbridge.audit.review.evidence import Evidence, Text
from mcpbridge.cli.audit.columns import WIDTH, clean, rows
from mcpbridge.cli.audit.further import further
from mcpbridge.core.question import visible
from mcpbridge.core.ruling import Outcome

_NAME: Final = 12
"""Columns for the name of a field."""
_BOLD, _DIM, _RED, _GREEN, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
_EVIDENCE: Final = {
    "executed_here": "run here",
    "reported_by_provider": "reported by the provider",
    "observed": "seen, and nobody was asked",
}
_TITLES: Final = {
    "screen": "What the person was shown",
    "policy": "The policy of that time",
    "definition": "The tool as its server described it",
}


def as_json(found: Evidence) -> dict[str, Any]:
    """The same for machines."""
    return {
        "record": found.record,
        "story": list(found.story),
        "texts": [asdict(text) for text in found.texts],
        "coverage": asdict(found.coverage),
    }


def evidence_lines(found: Evidence, *, color: bool = False, width: int | None = None) -> Iterator[str]:
    """The whole screen. Texts that somebody saw stand as they were, unless the terminal has only `width`
    columns."""
    yield from _head(found.record, color=color)
    yield from _fields(found.record, found.story)
    if len(found.story) > 1:
        yield from _section("What happened", color=color)
        for record in found.story:
            yield from _event(record)
    for text in found.texts:
        yield from _text(text, color=color, width=width)
    yield from _section("Proof", color=color)
    yield from _proof(found.record, found.coverage)


def _head(record: Mapping[str, Any], *, color: bool) -> Iterator[str]:
    kind = str(record.get("type", "?"))
    tool = ".".join(str(part) for part in (record.get("server_label"), record.get("tool")) if part)
    title = f"Record {record.get('seq', '?')}: {clean(kind)}" + (f" on {clean(tool)}" if tool else "")
    paint = _BOLD
    if kind == RecordType.DECISION:
        outcome = str(record.get("outcome", "?"))
        allowed = outcome in {one.value for one in Outcome if one.allowed}
        title = f"Decision {record.get('seq', '?')}: {clean(tool)}: {'ALLOWED' if allowed else 'DENIED'}"
        title += f" ({clean(outcome)})"
        paint = _BOLD + (_GREEN if allowed else _RED)
    yield from (f"{paint}{line}{_RESET}" if color else line for line in rows(title))


def _fields(record: Mapping[str, Any], story: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from _field("when", str(record.get("ts", "")))
    yield from _field("for", record.get("principal"))
    yield from _field("decided by", _approver(record))
    yield from _field("asked", _asked(record, story))
    yield from _field("reason", record.get("reason"))
    yield from _field("error", record.get("error"))
    yield from _rules(record)
    yield from _arguments(record)
    for name, field in (("request", "request_id"), ("run", "run_id"), ("conversation", "conversation_id")):
        yield from _field(name, record.get(field))
    yield from _field("server", record.get("server_identity"))
    if record.get("type") != RecordType.DECISION:
        yield from further(record, _NAME)


def _field(name: str, value: Any) -> Iterator[str]:
    """Nothing where there is no value."""
    if value is None or value in ("", [], {}):
        return
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    yield from rows(text, f"  {name:<{_NAME}}  ")


def _approver(record: Mapping[str, Any]) -> str:
    who = record.get("approver")
    if not who:
        return ""
    return f"{who} ({'authenticated' if record.get('authenticated') else 'a claimed name'})"


def _asked(record: Mapping[str, Any], story: Sequence[Mapping[str, Any]]) -> str:
    """Decisions of later did not say it themselves, once: then the last question before does."""
    questions = (
        one.get("ts")
        for one in reversed(story)
        if one.get("type") == RecordType.QUESTION_ASKED and seq_of(one) < seq_of(record)
    )
    when = record.get("asked_at") or record.get("shown_at") or next(questions, None)
    try:
        asked = datetime.fromisoformat(str(when))
        took = (datetime.fromisoformat(str(record.get("decided_at"))) - asked).total_seconds()
    except (ValueError, TypeError):
        return ""
    return f"{asked:%Y-%m-%d %H:%M:%S%z}, decided {took:.1f} s later"


def _rules(record: Mapping[str, Any]) -> Iterator[str]:
    """Each rule that matched, and by what."""
    matches = record.get("matches")
    if not isinstance(matches, list) or not matches:
        yield from _field("rules", record.get("rule_ids"))
        return
    for match in matches:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(match, dict):
            continue
        rule = cast("dict[str, Any]", match)
        asks = asked_for(rule)
        text = f"{rule.get('rule')}: {rule.get('effect')}" + (f", as {asks}" if asks else "")
        yield from _field("rule", text + (" (undecided)" if rule.get("undecided") else ""))


def asked_for(match: Mapping[str, Any]) -> str:
    """The predicates of a match, in one text."""
    predicates = match.get("predicates")
    return "; ".join(map(str, predicates)) if isinstance(predicates, list) else ""  # pyright: ignore[reportUnknownArgumentType]


def _arguments(record: Mapping[str, Any]) -> Iterator[str]:
    if "arguments" in record:
        text = json.dumps(record["arguments"], ensure_ascii=False, indent=2)
        for at, line in enumerate(text.split("\n")):
            yield from _kept(line, f"  {'' if at else 'arguments':<{_NAME}}  ")
    elif "sealed" in record:
        yield from _field("arguments", record.get("unreadable") or "sealed; --identity FILE opens them")
    if "arguments_hmac" in record:
        yield from _field("", f"{record.get('arguments_size')} bytes, HMAC {record['arguments_hmac']}")


def _event(record: Mapping[str, Any]) -> Iterator[str]:
    clock = visible(str(record.get("ts", ""))[11:23], newlines=False)
    yield from rows(_happened(record), f"  {record.get('seq', '?'):>8}  {clock:<12}  ")


def _happened(record: Mapping[str, Any]) -> str:
    kind = str(record.get("type", "?"))
    if kind == RecordType.DECISION:
        who = _approver(record)
        return f"decided: {record.get('outcome')}" + (f" by {who}" if who else "")
    if kind == RecordType.INTENT:
        return "about to begin (intent)"
    if kind == RecordType.QUESTION_ASKED:
        return "a person was asked"
    if kind == RecordType.OUTCOME:
        return _became(record)
    words = [f"{name} {record[name]}" for name in ("outcome", "status", "approver") if record.get(name)]
    return ": ".join(filter(None, (kind, ", ".join(words)))) + _because(record)


def _became(record: Mapping[str, Any]) -> str:
    how = _EVIDENCE.get(str(record.get("evidence")), str(record.get("evidence")))
    took = f", {record['latency_ms']} ms" if "latency_ms" in record else ""
    result = (
        f", result of {record.get('result_size')} bytes, SHA-256 {str(record.get('result_sha256'))[:16]}…"
    )
    return f"{record.get('status')}, {how}{took}{result}{_because(record)}"


def _because(record: Mapping[str, Any]) -> str:
    why = record.get("reason") or record.get("error")
    return f": {why if isinstance(why, str) else json.dumps(why)}" if why else ""


def _text(text: Text, *, color: bool, width: int | None) -> Iterator[str]:
    yield from _section(_TITLES.get(text.what, text.what), color=color)
    yield f"  blob {clean(text.hash)}"
    if text.note:
        yield f"  ({text.note})"
    for line in _pretty(text.text).rstrip("\n").split("\n") if text.text else ():
        whole = f"  | {clean(line)}"
        fits = width is None or cell_len(whole) <= width
        yield from (row.rstrip() for row in ([whole] if fits else _kept(line, "  | ", width=width)))


def _pretty(text: str) -> str:
    """A definition is JSON on one line."""
    if not text.startswith("{") or "\n" in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text


def _proof(record: Mapping[str, Any], coverage: Coverage) -> Iterator[str]:
    yield from _field("leaf hash", coverage.leaf)
    if not coverage.checkpoint:
        yield from _field("checkpoint", "none yet after this record: nothing but the chain stands for it")
        return
    yield from _field(
        "checkpoint", f"record {coverage.checkpoint}, over {coverage.size} lines of {coverage.origin}"
    )
    yield from _field("root", coverage.root)
    yield from _field("problem", coverage.problem)
    signed = coverage.signed_by or "no key that lies beside the log: do not trust it"
    yield from _field("signed by", signed)
    if coverage.problem:
        return
    held = (
        "lead from the leaf to this root" if coverage.included else "do NOT lead to this root: it was altered"
    )
    yield from _field("inclusion", f"{len(coverage.proof)} hashes {held} (--json prints them)")


def _section(title: str, *, color: bool) -> Iterator[str]:
    yield ""
    yield f"{_BOLD}{title}{_RESET}" if color else title


def _kept(line: str, first: str, *, width: int | None = None) -> Iterator[str]:
    """A line as it is; one that is too long goes on a little further in than it begins."""
    inside = " " * min(len(line) - len(line.lstrip()) + 2, (width or WIDTH) // 2)
    yield from rows(line, first, (first if "|" in first else " " * len(first)) + inside, width=width or WIDTH)
