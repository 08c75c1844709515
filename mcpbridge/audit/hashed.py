"""Did this value ever occur? Values that are hidden are looked for by their HMAC, under every key of the log.

In clear it is looked for in readable arguments, results, reasons and errors; as an HMAC where it was hidden,
alone or as a part of a text, and in the value lists of level `metadata`; as a SHA-256 among results. Where
only a part of the value is a secret (`password=…`), it is looked for as it is kept: without that part.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from mcpbridge.audit.chain import parsed
from mcpbridge.audit.guises import guises
from mcpbridge.audit.levels import Level
from mcpbridge.audit.plain import encode_again, encode_plain, encode_sorted, leaves_of, safe_line
from mcpbridge.audit.read import entries
from mcpbridge.audit.redact import Redactor
from mcpbridge.audit.sealed import Opener, key_path, sealed_key

_HASH: Final = re.compile(rb"[0-9a-f]{64}")


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
    """Looks for one value. `silent` counts records that hold what nobody can look into: by level, or `gone`
    where the key of a sealed one is; `gone` has those keys."""

    def __init__(
        self, directory: Path, value: str, *, keys: Mapping[str, bytes], opener: Opener | None = None
    ) -> None:
        """`keys` are HMAC keys by id; `opener` opens sealed records."""
        self.silent: Counter[str] = Counter()
        self.gone: set[str] = set()
        self._directory, self._value, self._opener = directory, value, opener
        data = value.encode("utf-8", "surrogatepass")
        self._hashes = _hidden(value, keys)
        self._result = hashlib.sha256(data).hexdigest()
        self._covered = dict(_covered(value, keys))
        self._needles = [_in_json(text) for text in (value, *self._covered) if text]

    def found(self) -> Iterator[Occurrence]:
        """Every record that holds the value, oldest first. Reads the whole log."""
        for entry in entries(self._directory):
            line = entry.line
            if self._may_hold(line):
                record = parsed(line) or {}
                how = self._how(record, line)
                if how:
                    yield _occurrence(record, how)
                    continue
            if b'"level":"' in line:
                record = parsed(line) or {}
                if self._within(record):
                    yield _occurrence(record, "sealed")

    def _may_hold(self, line: bytes) -> bool:
        if any(needle in line for needle in self._needles):
            return True
        return any(found in self._hashes or found == self._result.encode() for found in _HASH.findall(line))

    def _how(self, record: dict[str, Any], line: bytes) -> str:
        hidden = next((how for found in _HASH.findall(line) if (how := self._hashes.get(found))), "")
        if hidden:
            return hidden
        if record.get("result_sha256") == self._result:
            return "whole result"
        texts = [record.get(name) for name in ("arguments", "result", "reason", "error")]
        if any(self._value in leaf for text in texts for leaf in leaves_of(text)):
            return "in clear"
        return next((how for text, how in self._covered.items() if _in_json(text) in line), "")

    def _within(self, record: dict[str, Any]) -> bool:
        """Whether a sealed record holds the value; counts those that nobody can look into."""
        level = record.get("level")
        if level == Level.NONE:
            self.silent["none"] += 1
        if not isinstance(record.get("sealed"), dict):
            return False
        opened = record if self._opener is None else self._opener.open(record)
        if "sealed" in opened:
            self._count(sealed_key(record))
            return False
        # The same that is looked for in a line: a sealed value may be hidden all the same, or be a part.
        within = {name: opened.get(name) for name in ("arguments", "error")}
        return bool(self._how(within, encode_again(within).encode("utf-8", "surrogatepass")))

    def _count(self, key: str | None) -> None:
        """A record that stayed sealed."""
        if key is None or key_path(self._directory, key).exists():
            self.silent["sealed"] += 1
        else:
            self.silent["gone"] += 1
            self.gone.add(key)


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


def _hidden(value: str, keys: Mapping[str, bytes]) -> dict[bytes, str]:
    """Each HMAC that tells of the value, and how."""
    found: dict[bytes, str] = {}
    whole = _canonical(value)
    for name, key in keys.items():
        redactor = Redactor(key)
        found |= {redactor.hmac(text).encode(): f"hidden (key {name})" for text in guises(value)}
        if whole is not None:
            found[redactor.hmac(whole).encode()] = "all arguments"
    return found


def _covered(value: str, keys: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """What stands for a value of which a part is hidden: `password=[hmac:…]`, an address's credential."""
    user, colon, password = value.partition(":")
    for name, key in keys.items():
        redactor = Redactor(key)
        texts = {redactor.text(value)}
        if colon and password:
            texts.add(f"{redactor.part(user) if user else ''}:{redactor.part(password)}@")
        for text in texts - {value}:
            yield text, f"hidden (key {name})"


def _in_json(text: str) -> bytes:
    """How a line has it."""
    return safe_line(encode_again(encode_plain(text)[1]))[1:-1].encode()


def _canonical(value: str) -> str | None:
    """A value that is a call's whole arguments, as their HMAC was made."""
    try:
        found: Any = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return encode_sorted(encode_plain(cast("object", found))[1]) if isinstance(found, dict | list) else None
