"""A `Record` → the bytes of its line (all but `prev`, `seq` and `crc`) and the blobs it rests on.

The order of steps is the promise: plain JSON first (nothing after it can raise), then known secrets, then
what looks like one. What was hidden in the arguments is hidden in the record's free texts too, and in
its blobs, since a person's screen shows the arguments in clear. Names, ids, hashes and outcomes are never
touched for what the arguments hold: a model chose those, and would rewrite the record.
"""

from __future__ import annotations

from typing import Any, Final

from mcpbridge.audit.blobs import Blob
from mcpbridge.audit.call import MAX_FIELD, Calls, Part, omitted
from mcpbridge.audit.encoded import Encoded
from mcpbridge.audit.hidden import Hidden
from mcpbridge.audit.keeping import Keeping
from mcpbridge.audit.levels import Level
from mcpbridge.audit.masked import masked
from mcpbridge.audit.names import KEYED, OWN, RESERVED, STRUCTURED
from mcpbridge.audit.plain import encode_again, encode_plain, safe_line
from mcpbridge.audit.quick import Quick, shapes
from mcpbridge.audit.redact import Redactor
from mcpbridge.audit.screens import Covered, cover
from mcpbridge.audit.stamp import Stamps
from mcpbridge.core.secret import Mask
from mcpbridge.ports import Clock, Record

_NO_BLOBS: Final = Covered()
_LEVEL: Final = {level: "" if level is Level.ARGUMENTS else f'"level":"{level.value}"' for level in Level}
"""The member of a line that says so where less or more than usual is kept."""


class Encoder:
    """Never raises on any field value, and never lets a known secret through."""

    __slots__ = ("_calls", "_keeping", "_mask", "_nothing", "_quick", "_redactor", "_stamps")

    def __init__(
        self, *, mask: Mask, keeping: Keeping, redactor: Redactor, clock: Clock | None = None
    ) -> None:
        self._mask, self._keeping, self._redactor = mask, keeping, redactor
        self._stamps = Stamps(clock)
        self._calls = Calls(mask=mask, redactor=redactor, keeping=keeping)
        self._quick = Quick(self._calls, self._stamps)
        self._nothing = Part(hidden=Hidden(redactor=redactor))

    def keeps_results(self, tool: str) -> bool:
        """Whether a field `result` of a record about `label.tool` is written."""
        return self._keeping.keeps_results(tool)

    def encode(self, record: Record) -> Encoded:
        """What is written of the record, whichever way it takes."""
        return self._quick.encode(record) or self.encode_carefully(record)

    def encode_carefully(self, record: Record) -> Encoded:
        """All steps, for a record of any kind."""
        fields: dict[str, Any] = dict(record.fields)
        lost = not RESERVED.isdisjoint(fields)
        if lost:
            fields = {f"{name}_" if name in RESERVED else name: value for name, value in fields.items()}
        level = self._calls.level(fields)
        call = self._calls.arguments(fields, level) if "arguments" in fields else self._nothing
        secret = self._calls.error(fields, level) if "error" in fields else {}
        result, cut = self._calls.result(fields, level) if "result" in fields else ("", False)
        covered = self._blobs(record, call.hidden if call.shown is None else call.shown, level)
        self._key_hashes(fields, covered)
        key, keys = self._key(record)
        text, plain, changed = self._fields(fields, call.hidden)
        lost |= call.lost or cut or changed
        sealed, kept = self._sealed(level, {**call.secret, **secret}, covered)
        head = f'"decision_key":{encode_again(key)}' if key is not None else ""
        stamp, at = self._stamps.of(record)
        texts = (
            stamp, head, _used(record), text, _LEVEL[level], call.text, result, sealed, covered.text,
            '"sanitized":true' if lost else "",
        )  # fmt: skip
        body = safe_line(",".join(filter(None, texts)))
        return Encoded(
            body=body.encode(),
            blobs=kept,
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

    def _sealed(self, level: Level, secret: dict[str, Any], covered: Covered) -> tuple[str, tuple[Blob, ...]]:
        """What is encrypted instead of being written, and what has to be stored before the line."""
        if level is not Level.SEALED or self._keeping.sealer is None or not (secret or covered.sealed):
            return "", covered.blobs
        shown = {"texts": covered.sealed} if covered.sealed else {}  # screens, as their person saw them
        sealing = self._keeping.sealer.seal(secret | shown)
        return f'"sealed":{encode_again(sealing.member)}', (*covered.blobs, sealing.key)

    def _key_hashes(self, fields: dict[str, Any], covered: Covered) -> None:
        """Hashes that would confirm a guess at what is hidden become HMACs."""
        shown = covered.names.get(str(fields.get("screen_hash"))) if covered.names else None
        if shown is not None:
            fields["screen_hash"] = shown
        for name in KEYED:
            if isinstance(given := fields.get(name), str) and given:
                fields[name] = self._redactor.hmac(given)

    def _key(self, record: Record) -> tuple[str | None, tuple[str, ...]]:
        """The decision key to write, and all that it may be written as. It decides whether something runs
        twice, so nothing but itself decides how it is written; and a secret may become known later."""
        if record.decision_key is None:
            return None, ()
        given = record.decision_key
        key = given if given.isascii() else str(encode_plain(given)[1])
        found = self._mask.found_in(key)
        if record.new_key and not found:
            return key, (key,)  # nobody can have written it before, in clear or covered
        covered = self._redactor.part(key)
        return covered if found else key, (key, covered)

    def _fields(self, fields: dict[str, Any], hidden: Hidden) -> tuple[str, dict[str, Any], bool]:
        """All other fields, without the outer braces."""
        text, plain, lost = encode_plain(fields)
        text, plain, numbers = masked(self._mask, text, plain, own=OWN)
        free = {name: value for name, value in plain.items() if name not in STRUCTURED}
        shaped = bool(free) and shapes(free)
        if free and (hidden or shaped):
            if hidden:
                free = {name: hidden.strings(value) for name, value in free.items()}
            if shaped:
                free = {name: self._redactor.texts(value) for name, value in free.items()}
            # In their order. A name that is not ours may hold a credential itself.
            plain = {
                name if name in OWN or not shaped else self._redactor.text(str(name)): free.get(name, value)
                for name, value in plain.items()
            }
            text = encode_again(plain)
        if len(text) > MAX_FIELD:
            parts = {name: encode_again(value) for name, value in plain.items()}
            big = {name: omitted(part) for name, part in parts.items() if len(part) > MAX_FIELD}
            text = (
                "{"
                + ",".join(f"{encode_again(name)}:{part}" for name, part in {**parts, **big}.items())
                + "}"
            )
            lost |= bool(big)
        return text[1:-1], plain, lost or numbers

    def _blobs(self, record: Record, hidden: Hidden, level: Level) -> Covered:
        if not record.blobs:
            return _NO_BLOBS
        named = {record.fields.get("policy_hash"), record.fields.get("definition_hash")}
        shown = None if level.readable else frozenset(str(name) for name in named)
        return cover(record.blobs, mask=self._mask, hidden=hidden, only=shown)


def _used(record: Record) -> str:
    """What the record uses up, or frees: hashes and ids of ours, which quotas are found by."""
    parts = [f'"freed":{encode_again(record.freed)}'] if record.freed else []
    if record.quotas:
        keys = encode_again([quota.key for quota in record.quotas])
        parts += [f'"counted":{keys}', f'"use":{encode_again(record.use)}']
    return ",".join(parts)
