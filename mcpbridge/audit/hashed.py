"""Did this value ever occur? Values that are hidden are looked for by their HMAC, under every key of the log.

In clear it is looked for in readable arguments, results, reasons and errors; as an HMAC where it was hidden,
alone or as a part of a text, and in the value lists of level `metadata`; as a SHA-256 among results.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from mcpbridge.audit.chain import parsed
from mcpbridge.audit.levels import Level
from mcpbridge.audit.plain import encode_again, encode_plain, encode_sorted, leaves_of, safe_line
from mcpbridge.audit.read import entries
from mcpbridge.audit.sealed import Opener


class Occurrence(NamedTuple):
    """One record that holds the value."""

    seq: int
    ts: str
    type: str
    tool: str
    request_id: str
    found: str
    """How: `in clear`, `hidden` (with the id of the key), `all arguments`, `whole result`, or `sealed`."""


class Search:
    """Looks for one value. `silent` counts records that hold what nobody can look into, by level."""

    def __init__(
        self, directory: Path, value: str, *, keys: Mapping[str, bytes], opener: Opener | None = None
    ) -> None:
        """`keys` are HMAC keys by id; `opener` opens sealed records."""
        self.silent: Counter[str] = Counter()
        self._directory, self._value, self._opener = directory, value, opener
        data = value.encode("utf-8", "surrogatepass")
        self._hmacs = {_hmac(key, data): f"hidden (key {name})" for name, key in keys.items()}
        whole = _canonical(value)
        if whole is not None:
            self._hmacs |= {
                _hmac(key, whole.encode("utf-8", "surrogatepass")): "all arguments" for key in keys.values()
            }
        self._result = hashlib.sha256(data).hexdigest()
        self._needles = [text.encode() for text in (*self._hmacs, self._result)]
        clear = safe_line(encode_again(encode_plain(value)[1]))[1:-1].encode()
        self._needles += [clear] if clear else []

    def found(self) -> Iterator[Occurrence]:
        """Every record that holds the value, oldest first. Reads the whole log."""
        for entry in entries(self._directory):
            line = entry.line
            if any(needle in line for needle in self._needles):
                record = parsed(line) or {}
                how = self._how(record, line)
                if how:
                    yield _occurrence(record, how)
                    continue
            if b'"level":"' in line:
                record = parsed(line) or {}
                if self._within(record):
                    yield _occurrence(record, "sealed")

    def _how(self, record: dict[str, Any], line: bytes) -> str:
        hidden = next((how for text, how in self._hmacs.items() if text.encode() in line), "")
        if hidden:
            return hidden
        if record.get("result_sha256") == self._result:
            return "whole result"
        texts = (record.get(name) for name in ("arguments", "result", "reason", "error"))
        return "in clear" if any(self._value in leaf for text in texts for leaf in leaves_of(text)) else ""

    def _within(self, record: dict[str, Any]) -> bool:
        """Whether a sealed record holds the value; counts those that nobody can look into."""
        level = record.get("level")
        if level == Level.NONE:
            self.silent["none"] += 1
        if not isinstance(record.get("sealed"), dict):
            return False
        opened = record if self._opener is None else self._opener.open(record)
        if "sealed" in opened:
            self.silent["sealed"] += 1
            return False
        # The same that is looked for in a line: a sealed value may be hidden all the same, or be a part.
        within = {name: opened.get(name) for name in ("arguments", "error")}
        return bool(self._how(within, encode_again(within).encode("utf-8", "surrogatepass")))


def _occurrence(record: dict[str, Any], how: str) -> Occurrence:
    label, tool = record.get("server_label"), record.get("tool")
    return Occurrence(
        seq=int(record.get("seq", 0)),
        ts=str(record.get("ts", "")),
        type=str(record.get("type", "")),
        tool=".".join(str(part) for part in (label, tool) if part),
        request_id=str(record.get("request_id") or ""),
        found=how,
    )


def _hmac(key: bytes, data: bytes) -> str:
    return hmac.digest(key, data, "sha256").hex()


def _canonical(value: str) -> str | None:
    """A value that is a call's whole arguments, as their HMAC was made."""
    try:
        found: Any = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return encode_sorted(encode_plain(cast("object", found))[1]) if isinstance(found, dict | list) else None
