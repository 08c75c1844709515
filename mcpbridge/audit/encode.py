"""A `Record` → the bytes of its line (all but `prev`, `seq` and `crc`) and the blobs it rests on.

The order of steps is the promise: plain JSON first (nothing after it can raise), then known secrets, then
what looks like one. What was hidden in the arguments is hidden in the record's free texts too, and in
its blobs, since a person's screen shows the arguments in clear. Names, ids, hashes and outcomes are never
touched for what the arguments hold: a model chose those, and would rewrite the record.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from mcpbridge.audit.blobs import Blob
from mcpbridge.audit.hidden import Hidden
from mcpbridge.audit.levels import Level, Levels
from mcpbridge.audit.looks import hinted
from mcpbridge.audit.plain import (
    encode_again,
    encode_plain,
    encode_sorted,
    numbers_as_text,
    safe_line,
    strings_of,
)
from mcpbridge.audit.redact import Redactor
from mcpbridge.audit.screens import Covered, cover
from mcpbridge.core.quota import Quota
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Clock, Record

MAX_FIELD: Final = 1_000_000
"""Characters of one field's JSON; as much as core.strict_json lets arguments have."""
RESERVED: Final = frozenset(
    {
        "prev", "seq", "ts", "type", "phase", "decision_key", "arguments_hmac", "arguments_size",
        "blobs", "blobs_bundle", "blobs_masked", "blobs_withheld", "sanitized", "crc",
        "counted", "use", "freed",
    }
)  # fmt: skip
"""Names the log itself writes. A field that uses one gets a `_` after it."""
_STRUCTURED: Final = frozenset(
    {
        "run_id", "conversation_id", "response_id", "item_id", "call_id", "request_id",
        "trace_id", "server_label", "tool", "via", "definition_hash", "outcome", "rule_ids", "predicates",
        "policy_hash", "screen_hash", "principal", "authenticated", "asked_at", "decided_at", "status",
        "evidence", "result_size", "result_sha256", "latency_ms", "is_error", "attempt", "effect", "matches",
        "fingerprint", "edited_from", "scope", "server_identity", "approver", "unknown", "changed", "tools",
    }
)  # fmt: skip
"""Fields with ids, names, hashes and numbers. Nothing is hidden in them but known secrets."""
_OWN: Final = _STRUCTURED | {"reason", "error"}
"""Names that are never masked."""
_ERROR_CODE: Final = re.compile(r"(?:[a-z]{1,20}_){1,4}error(?: -?[0-9]{1,6})?(?=:|$)")
"""What a provider's error begins with, such as `http_error 404`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What the log writes, once it knows the record's place."""

    body: bytes
    blobs: tuple[Blob, ...] = ()
    decision_key: str | None = None
    """As the line has it."""
    keys: tuple[str, ...] = ()
    """The decision key as given, and as it is written once a known secret is in it: both are the same key."""
    search: bool = False
    """Whether a record of an earlier process may carry the key."""
    request_id: str = ""
    outcome: str = ""
    quotas: tuple[Quota, ...] = ()
    use: str = ""
    freed: str = ""
    at: float = 0.0
    """POSIX time of the line, to the microsecond that it shows."""
    probe: bool = False
    """Asks whether the quotas permit one more use; nothing is written."""

    @property
    def size(self) -> int:
        """Bytes that wait in memory."""
        return len(self.body) + sum(len(blob.data) for blob in self.blobs)


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
        level = self._level(fields)
        arguments = ""
        hidden = Hidden(redactor=self._redactor)
        if "arguments" in fields:
            arguments, hidden, changed = self._arguments(fields.pop("arguments"), level)
            lost |= changed
        if level is not Level.ARGUMENTS and fields.get("error"):
            fields["error"] = self._error(fields["error"])
        key, keys = self._key(record)
        text, plain, changed = self._fields(fields, hidden)
        lost |= changed
        covered = self._blobs(record, hidden, level)
        head = f'"decision_key":{encode_again(key)}' if key is not None else ""
        stamp, at = self._stamp(record)
        texts = [head, _used(record), text, arguments, covered.text, '"sanitized":true' if lost else ""]
        body = safe_line(",".join((stamp, *filter(None, texts))))
        return Encoded(
            body=body.encode(),
            blobs=covered.blobs,
            decision_key=key,
            keys=keys,
            search=(key is not None and not record.new_key) or bool(record.quotas or record.freed),
            request_id=str(plain.get("request_id", "")),
            outcome=str(plain.get("outcome", "")),
            quotas=record.quotas,
            use=record.use,
            freed=record.freed,
            at=at,
        )

    def _level(self, fields: dict[str, Any]) -> Level:
        """Of a record that may hold arguments: its own, or in a server's error that repeats them."""
        if "arguments" not in fields and not ("error" in fields and "tool" in fields):
            return Level.ARGUMENTS
        return self._levels.of(f"{fields.get('server_label', '')}.{fields.get('tool', '')}")

    def _error(self, error: Any) -> Any:
        """An error below level `arguments`: its code, how long it was, and what tells it from others."""
        text = error if isinstance(error, str) else encode_plain(error)[0]
        code = _ERROR_CODE.match(text)
        return {**({"code": code[0]} if code else {}), **self._redactor.about(text)}

    def _key(self, record: Record) -> tuple[str | None, tuple[str, ...]]:
        """The decision key to write, and all that it may be written as. It decides whether something runs
        twice, so nothing but itself decides how it is written; and a secret may become known later."""
        if record.decision_key is None:
            return None, ()
        key = str(encode_plain(record.decision_key)[1])
        covered = self._redactor.part(key)
        return covered if self._mask.found_in(key) else key, (key, covered)

    def _stamp(self, record: Record) -> tuple[str, float]:
        now = self._clock.now() if self._clock else datetime.now(UTC)
        if now.tzinfo is not UTC:
            now = now.astimezone(UTC)
        stamp = f'"ts":"{now.isoformat(timespec="microseconds")[:-6]}Z","type":{_name(record.type)}'
        return f'{stamp},"phase":"{record.phase}"' if record.phase else stamp, now.timestamp()

    def _arguments(self, value: Any, level: Level) -> tuple[str, Hidden, bool]:
        """The arguments' part of the line, the secrets found in them, and whether something was lost."""
        nothing = Hidden(redactor=self._redactor)
        if level is Level.NONE:
            return "", nothing, False
        text, plain, lost = encode_plain(value)
        size = len(text) if text.isascii() else len(text.encode())
        about = f'"arguments_hmac":"{self._redactor.hmac(encode_sorted(plain))}","arguments_size":{size}'
        if level is Level.METADATA:
            return about, nothing, lost
        text, plain, numbers = self._masked(text, plain)
        redacted, leaves, too_many = self._redactor.value(plain, text)
        hidden = Hidden(leaves, redactor=self._redactor, too_many=too_many)
        if hidden:
            text = encode_again(redacted)
        if len(text) > MAX_FIELD:
            return f'"arguments":{_omitted(text)},{about}', hidden, True
        return f'"arguments":{text},{about}', hidden, lost or numbers

    def _fields(self, fields: dict[str, Any], hidden: Hidden) -> tuple[str, dict[str, Any], bool]:
        """All other fields, without the outer braces."""
        text, plain, lost = encode_plain(fields)
        text, plain, numbers = self._masked(text, plain, own=_OWN)
        free = {name: value for name, value in plain.items() if name not in _STRUCTURED}
        shapes = _shapes(free)
        if free and (hidden or shapes):
            if hidden:
                free = {name: hidden.strings(value) for name, value in free.items()}
            if shapes:
                free = {name: self._redactor.texts(value) for name, value in free.items()}
            # In their order. A name that is not ours may hold a credential itself.
            plain = {
                name if name in _OWN or not shapes else self._redactor.text(str(name)): free.get(name, value)
                for name, value in plain.items()
            }
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

    def _masked(self, text: str, plain: Any, own: frozenset[str] = frozenset()) -> tuple[str, Any, bool]:
        """Known secrets replaced, but in names of `own`. The JSON text is searched first, then, where it has
        escapes, all texts in it together: both are much cheaper than each value by itself."""
        found = self._mask.found_in(text)
        if not found and not ("\\" in text and self._mask.found_in("\n".join(strings_of(plain)))):
            return text, plain, False
        plain = self._each(plain, own)
        text = encode_again(plain)
        if not self._mask.found_in(text):
            return text, plain, False
        plain = self._each(numbers_as_text(plain), own)  # a secret that stands there as a number
        return encode_again(plain), plain, True

    def _each(self, plain: Any, own: frozenset[str]) -> Any:
        if not own:
            return self._mask.value(plain)
        return {
            name if name in own else self._mask.text(str(name)): self._mask.value(value)
            for name, value in plain.items()
        }

    def _blobs(self, record: Record, hidden: Hidden, level: Level) -> Covered:
        if not record.blobs:
            return _NO_BLOBS
        named = {record.fields.get("policy_hash"), record.fields.get("definition_hash")}
        shown = None if level is Level.ARGUMENTS else frozenset(str(name) for name in named)
        return cover(record.blobs, mask=self._mask, hidden=hidden, only=shown)


def _used(record: Record) -> str:
    """What the record uses up, or frees: hashes and ids of ours, which quotas are found by."""
    parts = [f'"freed":{encode_again(record.freed)}'] if record.freed else []
    if record.quotas:
        keys = encode_again([quota.key for quota in record.quotas])
        parts += [f'"counted":{keys}', f'"use":{encode_again(record.use)}']
    return ",".join(parts)


def _shapes(free: dict[str, Any]) -> bool:
    """Whether some field may hold a credential in text from outside."""
    texts = [value if isinstance(value, str) else encode_again(value) for value in free.values()]
    return hinted("\n".join((*texts, *map(str, free))))


def _name(text: str) -> str:
    """A record's type as JSON; the common ones without a trip through `json`."""
    return f'"{text}"' if text.isascii() and text.isidentifier() else encode_plain(text)[0]


def _omitted(text: str) -> str:
    """What stands for a value that is too large to keep: its size in bytes and SHA-256 as JSON text."""
    data = text.encode()
    return encode_again({"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
