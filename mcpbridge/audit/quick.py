"""The short way for the usual record: nothing in it is odd, hidden, masked, declared secret or sealed.

It looks for all of that at once, in the JSON text of the whole record, and where anything is found it leaves
the record to the careful way. What it writes is what the careful way would have written, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mcpbridge.audit.call import MAX_FIELD, Calls
from mcpbridge.audit.encoded import Encoded
from mcpbridge.audit.looks import hinted
from mcpbridge.audit.names import KEYED, RESERVED, STRUCTURED
from mcpbridge.audit.plain import encode_again, harmless, safe_line, strings_of
from mcpbridge.audit.stamp import Stamps
from mcpbridge.ports import Record

_CAREFUL: Final = RESERVED | {"result", "error", *KEYED}
"""A record with one of these fields is not usual."""


class Quick:
    """Never raises, as little as the careful way."""

    __slots__ = ("_calls", "_stamps")

    def __init__(self, calls: Calls, stamps: Stamps) -> None:
        self._calls, self._stamps = calls, stamps

    def encode(self, record: Record) -> Encoded | None:
        """What the careful way makes of the record; None where that has more to do."""
        fields = record.fields
        if record.blobs or record.quotas or record.freed or not _CAREFUL.isdisjoint(fields):
            return None
        try:
            body = self._body(fields, record.decision_key or "")
        except Exception:  # noqa: BLE001 # boundary: a field's own code may raise anything; the careful way copes
            return None
        if body is None:
            return None
        line, at = self._stamps.of(record)
        key, new = record.decision_key, record.new_key
        keys: tuple[str, ...] = ()
        if key is not None:
            line = f'{line},"decision_key":"{key}"'
            keys = (key,) if new else (key, self._calls.redactor.part(key))
        if body:
            line = f"{line},{body}"
        request_id, outcome = str(fields.get("request_id", "")), str(fields.get("outcome", ""))
        search = key is not None and not new
        return Encoded(
            safe_line(line).encode(), (), key, keys, search, request_id, outcome, (), record.use, "", at
        )

    def _body(self, fields: Mapping[str, Any], key: str) -> str | None:
        """All members of the line but those that the log itself adds."""
        if not (key.isascii() and key.isprintable()) or '"' in key or "\\" in key:
            return None
        calls = self._calls
        if "arguments" not in fields:
            text = encode_again(fields)
            return text[1:-1] if self._usual(f"{text},{key}", fields, None) else None
        if not calls.usual(fields):
            return None
        others = {**fields}
        arguments = others.pop("arguments")
        text, given = encode_again(others), encode_again(arguments)
        if not self._usual(f"{text},{given},{key}", others, arguments):
            return None
        _, hidden, more = calls.redactor.value(arguments, given)
        if hidden or more:
            return None
        call = f'"arguments":{given},{calls.about(given, arguments)}'
        return f"{text[1:-1]},{call}" if others else call

    def _usual(self, whole: str, fields: Mapping[str, Any], arguments: Any) -> bool:
        """Whether nothing in the record's JSON text (`whole`) is odd, nothing in it is a known secret, and no
        text from outside looks like one. What else arguments may hide is for `Redactor.value` to say."""
        mask = self._calls.mask
        if len(whole) > MAX_FIELD or not harmless(whole) or mask.found_in(whole):
            return False
        if "\\" in whole and mask.found_in("\n".join((*strings_of(fields), *strings_of(arguments)))):
            return False
        if STRUCTURED.issuperset(fields):
            return True
        return not shapes({name: value for name, value in fields.items() if name not in STRUCTURED})


def shapes(free: Mapping[str, Any]) -> bool:
    """Whether some field may hold a credential in text from outside."""
    texts = [value if isinstance(value, str) else encode_again(value) for value in free.values()]
    return hinted("\n".join((*texts, *map(str, free))))
