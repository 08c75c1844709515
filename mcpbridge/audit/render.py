"""Records for people at a terminal. Every character that came from outside is made visible first."""

from __future__ import annotations

import json
from typing import Any, Final

from mcpbridge.audit.records import RecordType
from mcpbridge.core.question import visible
from mcpbridge.core.ruling import Outcome

_RESET: Final = "\x1b[0m"
_GREEN, _RED, _YELLOW, _DIM = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m"
_LONGEST: Final = 200
"""Characters of one value on a line; `render_record` shows all of it."""
_ARGUMENTS: Final = 100
"""Characters of a call's arguments on a line."""
_ALARMING: Final = frozenset(
    {
        RecordType.TRIPWIRE, RecordType.OUTCOME_UNKNOWN, RecordType.TOOLS_CHANGED, RecordType.RECOVERY,
        RecordType.SERVER_SILENT, RecordType.POLICY_RELOAD_FAILED, RecordType.FROZEN,
    }
)  # fmt: skip
_ABOUT: Final = (
    "reviewer", "approver", "hold", "kind", "anchor", "policy", "policies", "file", "method", "elicitation",
    "stage", "answer", "capability", "count", "last_seq", "changed", "status", "evidence", "error", "reason",
    "removed_bytes", "left_out", "refused",
)  # fmt: skip
"""What a line says about records that are not decisions, where they have it."""


def render_line(record: dict[str, Any], *, color: bool = False, width: int | None = None) -> str:
    """One record on one line: when, what, which tool, how it was decided and why. With `width`, cut to so
    many columns, and the time without its year."""
    kind = str(record.get("type", "?"))
    decided = kind == RecordType.DECISION
    word, paint = _verdict(record) if decided else (kind, _YELLOW if kind in _ALARMING else _DIM)
    when = str(record.get("ts", ""))[:19].replace("T", " ")
    parts = [
        (f"{_short(record.get('seq', '?')):>6}", ""),
        (_short(f"{when}Z" if width is None else when[5:]), ""),
        (f"{_short(word):<9}", paint),
        (_short(_tool(record)), ""),
        *((text, "") for text in (_decision_words(record) if decided else _other_words(record))),
        (_short(_identity(record)), _DIM),
    ]
    return _joined([part for part in parts if part[0]], color=color, width=width)


def _joined(parts: list[tuple[str, str]], *, color: bool, width: int | None) -> str:
    """Two blanks between, and no more than `width` columns."""
    from rich.cells import cell_len  # what only opens a log does not pay for it

    found: list[str] = []
    left = width
    for text, paint in parts:
        gap = 2 if found else 0
        if left is not None:
            if left < gap + 2:
                break
            text = cut(text, left - gap)  # noqa: PLW2901 - what is left of it
            left -= gap + cell_len(text)
        found.append(_painted(text, paint, color and bool(paint)))
    return "  ".join(found)


def cut(text: str, width: int) -> str:
    """Visible text in so many columns of a terminal, where wide characters take two."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, max(width - 1, 0)).rstrip()}…"


def render_record(record: dict[str, Any], *, color: bool = False) -> str:
    """A whole record, one field a line, nested values as indented JSON."""
    width = max((len(visible(name, newlines=False)) for name in record), default=0)
    lines: list[str] = []
    for name, value in record.items():
        first, *rest = _pretty(value).split("\n")
        label = visible(name, newlines=False).ljust(width)
        lines.append(f"{_painted(label, _DIM, color)}  {first}")
        lines.extend(" " * (width + 2) + line for line in rest)
    return "\n".join(lines)


def _verdict(record: dict[str, Any]) -> tuple[str, str]:
    try:
        allowed = Outcome(str(record.get("outcome"))).allowed
    except ValueError:
        return "decision?", _RED
    return ("allowed", _GREEN) if allowed else ("denied", _RED)


def _tool(record: dict[str, Any]) -> str:
    label, tool = record.get("server_label"), record.get("tool")
    return ".".join(str(part) for part in (label, tool) if part)


def _outcome(record: dict[str, Any]) -> str:
    """How it was decided, and by whom."""
    who = record.get("approver")
    claim = "" if record.get("authenticated") else " (claimed)"
    return _short(record.get("outcome", "?")) + (f" by {_short(who)}{claim}" if who else "")


def _decision_words(record: dict[str, Any]) -> list[str]:
    rules = record.get("rule_ids")
    return [
        _outcome(record),
        f"[{_short(', '.join(map(str, rules)))}]" if isinstance(rules, list) and rules else "",  # pyright: ignore[reportUnknownArgumentType]
        _arguments(record.get("arguments")),
        _short(record.get("reason") or ""),
    ]


def _arguments(value: Any) -> str:
    """On one line, without spaces between; nothing where there are none."""
    if value is None or value == {}:
        return ""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return visible(text if len(text) <= _ARGUMENTS else f"{text[:_ARGUMENTS]}…", newlines=False)


def _other_words(record: dict[str, Any]) -> list[str]:
    resolved = record.get("type") == RecordType.RECOVERY and "outcome" in record
    tools = record.get("tools")
    return [
        *([_outcome(record)] if resolved else []),
        *([f"tools={len(tools)}"] if isinstance(tools, dict | list) else []),  # pyright: ignore[reportUnknownArgumentType]
        *(
            f"{name}={_short(record[name])}{_cut_from(record) if name == 'status' else ''}"
            for name in _ABOUT
            if record.get(name) not in (None, "", []) and not (resolved and name == "approver")
        ),
    ]


def _cut_from(record: dict[str, Any]) -> str:
    """That the model got a part of the result."""
    size = record.get("full_size")
    return f", cut from {size:,} bytes" if record.get("truncated") is True and type(size) is int else ""


def _identity(record: dict[str, Any]) -> str:
    return str(record.get("request_id") or record.get("run_id") or "")


def _pretty(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return visible(text)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return visible(text, newlines=False)


def _painted(text: str, paint: str, color: bool) -> str:
    return f"{paint}{text}{_RESET}" if color and text.strip() else text
