"""The short way for the usual record: nothing in it is odd, hidden, masked, declared secret or sealed.

It looks for all of that at once, in the JSON text of the whole record, and where anything is found it leaves
the record to the careful way. What it writes is what the careful way would have written, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mcpbridge.audit.call import MAX_FIELD, Calls, tool_of
from mcpbridge.audit.encoded import Encoded
from mcpbridge.audit.levels import Level
from mcpbridge.audit.looks import hinted
from mcpbridge.audit.names import KEYED, RESERVED, STRUCTURED
from mcpbridge.audit.plain import encode_again, harmless, safe_line, strings_of
from mcpbridge.audit.stamp import Stamps
from mcpbridge.ports import Record

_CAREFUL: Final = RESERVED | {"result", "error", *KEYED}
"""A record with one of these fields is not usual."""


class _Looked(NamedTuple):
    """Text without anything odd or secret in it."""

    fields: str
    """JSON members without braces."""
    arguments: str


class Quick:
    """Never raises, as little as the careful way."""

    __slots__ = ("_calls", "_stamps")

    def __init__(self, calls: Calls, stamps: Stamps) -> None:
        self._calls, self._stamps = calls, stamps

    def encode(self, record: Record) -> Encoded | None:
        """What the careful way makes of the record; None where that has more to do."""
        if record.blobs or record.quotas or record.freed or not _CAREFUL.isdisjoint(record.fields):
            return None
        try:
            body = self._body(record)
        except Exception:  # noqa: BLE001 # boundary: a field's own code may raise anything; the careful way copes
            return None
        if body is None:
            return None
        stamp, at = self._stamps.of(record)
        key, fields = record.decision_key, record.fields
        keys: tuple[str, ...] = ()
        if key is not None:
            stamp = f'{stamp},"decision_key":"{key}"'
            keys = (key,) if record.new_key else (key, self._calls.redactor.part(key))
        line = safe_line(f"{stamp},{body}" if body else stamp)
        search = key is not None and not record.new_key
        request_id, outcome = str(fields.get("request_id", "")), str(fields.get("outcome", ""))
        return Encoded(line.encode(), (), key, keys, search, request_id, outcome, (), record.use, "", at)

    def _body(self, record: Record) -> str | None:
        """All members of the line but those that the log itself adds."""
        key = record.decision_key
        if key is not None and not (
            key.isascii() and key.isprintable() and '"' not in key and "\\" not in key
        ):
            return None
        if "arguments" not in record.fields:
            looked = self._looked(record.fields, "", key or "")
            return None if looked is None else looked.fields
        fields = dict(record.fields)
        arguments = fields.pop("arguments")
        calls, tool = self._calls, tool_of(fields)
        if calls.keeping.levels.of(tool) is not Level.ARGUMENTS or calls.keeping.declared.of(tool):
            return None
        looked = self._looked(fields, encode_again(arguments), key or "", arguments)
        if looked is None:
            return None
        _, leaves, too_many = calls.redactor.value(arguments, looked.arguments)
        if leaves or too_many:
            return None
        call = f'"arguments":{looked.arguments},{calls.about(looked.arguments, arguments)}'
        return f"{looked.fields},{call}" if looked.fields else call

    def _looked(
        self, fields: Mapping[str, Any], arguments: str, key: str, value: Any = None
    ) -> _Looked | None:
        """Fields and arguments (`value`, as JSON text), where nothing odd or secret is in either."""
        text = encode_again(fields)
        if len(text) > MAX_FIELD or len(arguments) > MAX_FIELD:
            return None
        whole, mask = f"{text},{arguments},{key}", self._calls.mask
        if not harmless(whole) or mask.found_in(whole):
            return None
        if "\\" in whole and mask.found_in("\n".join((*strings_of(fields), *strings_of(value)))):
            return None
        if not STRUCTURED.issuperset(fields):
            free = {name: each for name, each in fields.items() if name not in STRUCTURED}
            if shapes(free):
                return None
        return _Looked(text[1:-1], arguments)


def shapes(free: Mapping[str, Any]) -> bool:
    """Whether some field may hold a credential in text from outside."""
    texts = [value if isinstance(value, str) else encode_again(value) for value in free.values()]
    return hinted("\n".join((*texts, *map(str, free))))
