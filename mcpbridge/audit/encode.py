"""A `Record` → the bytes of its line (all but `prev`, `seq` and `crc`) and the blobs it rests on.

The order of steps is the promise: plain JSON first (nothing after it can raise), then known secrets, then
what looks like one. What was hidden in the arguments is hidden in the rest of the record too, and in
its blobs, since a person's screen shows the arguments in clear.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mcpbridge.audit.blobs import Blob
from mcpbridge.audit.levels import Level, Levels
from mcpbridge.audit.looks import hinted
from mcpbridge.audit.plain import encode_again, encode_plain, encode_sorted, numbers_as_text, safe_line
from mcpbridge.audit.redact import Redactor
from mcpbridge.audit.screens import Covered, cover
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.ports import Clock, Record

MAX_FIELD: Final = 1_000_000
"""Characters of one field's JSON; as much as core.strict_json lets arguments have."""
RESERVED: Final = frozenset(
    {
        "prev", "seq", "ts", "type", "phase", "decision_key", "arguments_hmac", "arguments_size",
        "blobs", "blobs_masked", "blobs_withheld", "sanitized", "crc",
    }
)  # fmt: skip
"""Names the log itself writes. A field that uses one gets a `_` after it."""
_STRUCTURED: Final = frozenset(
    {
        "decision_key", "run_id", "conversation_id", "response_id", "item_id", "call_id", "request_id",
        "trace_id", "server_label", "tool", "via", "definition_hash", "outcome", "rule_ids", "predicates",
        "policy_hash", "screen_hash", "principal", "authenticated", "asked_at", "decided_at", "status",
        "evidence", "result_size", "result_sha256", "latency_ms",
    }
)  # fmt: skip
"""Fields with ids, names, hashes and numbers; not searched for what looks like a credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What the log writes, once it knows the record's place."""

    body: bytes
    blobs: tuple[Blob, ...] = ()
    decision_key: str | None = None
    request_id: str = ""
    outcome: str = ""


_NO_BLOBS: Final = Covered()


class Encoder:
    """Never raises on any field value, and never lets a known secret through."""

    __slots__ = ("_clock", "_levels", "_mask", "_redactor")

    def __init__(self, *, mask: Mask, levels: Levels, redactor: Redactor, clock: Clock | None = None) -> None:
        self._mask, self._levels, self._redactor, self._clock = mask, levels, redactor, clock

    def encode(self, record: Record) -> Encoded:
        fields: dict[str, Any] = dict(record.fields)
        lost = not RESERVED.isdisjoint(fields)
        if lost:
            fields = {f"{name}_" if name in RESERVED else name: value for name, value in fields.items()}
        level = Level.ARGUMENTS
        texts: list[str] = []
        hidden: list[str] = []
        if "arguments" in fields:
            level = self._levels.of(f"{fields.get('server_label', '')}.{fields.get('tool', '')}")
            text, hidden, changed = self._arguments(fields.pop("arguments"), level)
            texts.append(text)
            lost |= changed
        head = {"decision_key": record.decision_key} if record.decision_key is not None else {}
        text, plain, changed = self._fields({**head, **fields}, hidden)
        lost |= changed
        covered = self._blobs(record, plain, hidden, level)
        texts = [text, *texts, covered.text, '"sanitized":true' if lost else ""]
        body = safe_line(",".join((self._stamp(record), *filter(None, texts))))
        return Encoded(
            body=body.encode(),
            blobs=covered.blobs,
            decision_key=str(plain["decision_key"]) if head else None,
            request_id=str(plain.get("request_id", "")),
            outcome=str(plain.get("outcome", "")),
        )

    def _stamp(self, record: Record) -> str:
        now = self._clock.now() if self._clock else datetime.now(UTC)
        if now.tzinfo is not UTC:
            now = now.astimezone(UTC)
        stamp = f'"ts":"{now.isoformat(timespec="microseconds")[:-6]}Z","type":{_name(record.type)}'
        return f'{stamp},"phase":"{record.phase}"' if record.phase else stamp

    def _arguments(self, value: Any, level: Level) -> tuple[str, list[str], bool]:
        """The arguments' part of the line, the secrets found in them, and whether something was lost."""
        if level is Level.NONE:
            return "", [], False
        text, plain, lost = encode_plain(value)
        size = len(text) if text.isascii() else len(text.encode())
        about = f'"arguments_hmac":"{self._redactor.hmac(encode_sorted(plain))}","arguments_size":{size}'
        if level is Level.METADATA:
            return about, [], lost
        text, plain, numbers = self._masked(text, plain)
        redacted, hidden = self._redactor.value(plain, text)
        if hidden:
            text = encode_again(redacted)
        if len(text) > MAX_FIELD:
            return f'"arguments":{_omitted(text)},{about}', hidden, True
        return f'"arguments":{text},{about}', hidden, lost or numbers

    def _fields(self, fields: dict[str, Any], hidden: list[str]) -> tuple[str, dict[str, Any], bool]:
        """All other fields, without the outer braces."""
        text, plain, lost = encode_plain(fields)
        text, plain, numbers = self._masked(text, plain)
        if hidden:
            plain = Mask(map(Secret, hidden)).value(plain)
            text = encode_again(plain)
        if _free(plain):
            plain = self._redactor.texts(plain)
            text = encode_again(plain)
        if len(text) > MAX_FIELD:
            parts = {name: encode_again(value) for name, value in plain.items()}
            big = {name: _omitted(part) for name, part in parts.items() if len(part) > MAX_FIELD}
            text = (
                "{"
                + ",".join(f"{encode_again(name)}:{part}" for name, part in {**parts, **big}.items())
                + "}"
            )
            lost |= bool(big)
        return text[1:-1], plain, lost or numbers

    def _masked(self, text: str, plain: Any) -> tuple[str, Any, bool]:
        """Known secrets replaced. Text without escapes is searched as a whole, which is much cheaper."""
        if "\\" not in text and not self._mask.found_in(text):
            return text, plain, False
        plain = self._mask.value(plain)
        text = encode_again(plain)
        if not self._mask.found_in(text):
            return text, plain, False
        plain = self._mask.value(numbers_as_text(plain))  # a secret that stands there as a number
        return encode_again(plain), plain, True

    def _blobs(self, record: Record, fields: dict[str, Any], hidden: list[str], level: Level) -> Covered:
        if not record.blobs:
            return _NO_BLOBS
        named = {fields.get("policy_hash"), fields.get("definition_hash")}
        shown = None if level is Level.ARGUMENTS else frozenset(str(name) for name in named)
        return cover(record.blobs, mask=self._mask, redactor=self._redactor, hidden=hidden, only=shown)


def _free(fields: dict[str, Any]) -> bool:
    """Whether some field may hold a credential in text from outside. Looks at nothing else: it costs time."""
    free = [value for name, value in fields.items() if name not in _STRUCTURED]
    return hinted("\n".join(value if isinstance(value, str) else encode_again(value) for value in free))


def _name(text: str) -> str:
    """A record's type as JSON; the common ones without a trip through `json`."""
    return f'"{text}"' if text.isascii() and text.isidentifier() else encode_plain(text)[0]


def _omitted(text: str) -> str:
    """What stands for a value that is too large to keep: its size in bytes and SHA-256 as JSON text."""
    data = text.encode()
    return encode_again({"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
