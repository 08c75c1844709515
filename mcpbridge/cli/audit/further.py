"""What a record says besides who, when and why: the fields of its own type, in the order of its form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from mcpbridge.audit.filters import word
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.schema.forms import EVERY_LINE, FORMS, MAY_BE_ON_ANY
from mcpbridge.cli.audit.columns import clean, rows

_SHOWN: Final = frozenset(
    {
        *EVERY_LINE, *MAY_BE_ON_ANY, "server_label", "server_identity", "tool", "principal", "approver",
        "reason", "error", "rule_ids", "matches", "arguments", "arguments_hmac", "arguments_size", "hmac_key",
        "sealed", "unreadable", "request_id", "approval_request_id", "call_id", "run_id", "conversation_id",
        "screen_hash", "policy_hash", "definition_hash", "authenticated",
    }
)  # fmt: skip
"""Said elsewhere on the screen, or of use to programs only."""
_LONGEST: Final = 40
"""Characters of a name that no form has; a stranger may have written it."""


def further(record: Mapping[str, Any], least: int) -> Iterator[str]:
    """One field after the other; names take `least` columns, or more."""
    names = [name for name in _ordered(record) if record.get(name) not in (None, "", [], {})]
    labels = {name: clean(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…") for name in names}
    width = max([least, *map(len, labels.values())])
    for name in names:
        for at, text in enumerate(_texts(record, name)):
            yield from rows(text, f"  {'' if at else labels[name]:<{width}}  ")


def _ordered(record: Mapping[str, Any]) -> list[str]:
    """Those that the form has first, then what else is there."""
    kind = word(record, "type")
    form = FORMS[RecordType(kind)] if kind in FORMS else None
    known = (*form.required, *form.optional) if form else ()
    return [name for name in dict.fromkeys((*known, *record)) if name in record and name not in _SHOWN]


def _texts(record: Mapping[str, Any], name: str) -> list[str]:
    """A value in one row or several."""
    value = record[name]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return [f"{key}: {_text(item)}" for key, item in pairs]
    if isinstance(value, list):
        items = cast("list[object]", value)
        words = [item for item in items if isinstance(item, str)]
        return [", ".join(words)] if words == items else [_text(item) for item in items]
    if name == "reviewer" and record.get("authenticated") is not True:
        return [f"{_text(value)} (a claimed name)"]
    return _text(value).rstrip("\n").split("\n")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
