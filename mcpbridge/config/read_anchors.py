"""`audit.anchors:` — where the log's checkpoints are taken to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from mcpbridge.audit.anchors import (
    ELSEWHERE,
    Anchor,
    FileAnchor,
    StderrAnchor,
    SyslogAnchor,
    TimestampAnchor,
    WitnessAnchor,
    in_log,
    resolved,
)
from mcpbridge.audit.note import NoteError, VerifierKey
from mcpbridge.config.files import joined
from mcpbridge.config.keys import ANCHOR_KINDS, AUDIT_ANCHOR
from mcpbridge.config.reader import Reader
from mcpbridge.config.urls import url_problem
from mcpbridge.errors import UsageError

_EXAMPLE: Final = "write {file: /mnt/heads/log.jsonl}, or another of: " + ", ".join(ANCHOR_KINDS)
_BESIDE: Final = {"witness": ("key",), "timestamps": ("roots",)}
"""Keys that a kind needs beside it."""


def read_anchors(section: Reader, log: Path) -> Iterator[Anchor]:
    """`log`: the folder of the log that they are for."""
    taken: dict[object, str] = {}
    for entry in section.children("anchors", _EXAMPLE):
        entry.only(*AUDIT_ANCHOR)
        kinds = [kind for kind in ANCHOR_KINDS if entry.has(kind)]
        if len(kinds) != 1:
            what = "names no kind" if not kinds else f"is {' and '.join(kinds)} at once"
            entry.refuse(f"{entry.name()} {what}; {_EXAMPLE}")
            continue
        anchor = _READ[kinds[0]](entry, _every(entry)) if _fits(entry, kinds[0]) else None
        if anchor is not None:
            _refuse_misplaced(entry, kinds[0], anchor, log)
            _refuse_twice(entry, anchor, taken)
            yield anchor


def _refuse_misplaced(entry: Reader, kind: str, anchor: Anchor, log: Path) -> None:
    if isinstance(anchor, FileAnchor) and in_log(anchor.path, log):
        what = f"{entry.values[kind]} is in the log's own folder, {log}, where its lines would damage the log"
        entry.refuse(f"{entry.name(kind)}: {what}; {ELSEWHERE}", kind)


def _refuse_twice(entry: Reader, anchor: Anchor, taken: dict[object, str]) -> None:
    """What a place has twice proves no more; and where a line of one kind is, `every` of the other means
    nothing."""
    place = resolved(anchor.path) if isinstance(anchor, FileAnchor) else anchor.name
    first = taken.setdefault((place, entry.values.get("key")), entry.name())
    if first != entry.name():
        entry.refuse(f"{entry.name()} is the same place as {first}; remove one of them")


def _every(entry: Reader) -> dict[str, Any]:
    return {"every": entry.duration("every", 0.0)} if entry.has("every") else {}


def _fits(entry: Reader, kind: str) -> bool:
    beside = _BESIDE.get(kind, ())
    for key in ("key", "roots"):
        if entry.has(key) and key not in beside:
            entry.refuse(f"{entry.name(key)} has no meaning beside {kind}; remove it", key)
    return all([entry.present(key, _ADVICE[key]) for key in beside])


_ADVICE: Final = {
    "key": "write the witness's public key, NAME+ID+BASE64",
    "roots": "name a PEM file with the authority's root certificates",
}


def _file(entry: Reader, every: dict[str, Any]) -> Anchor | None:
    text = entry.text("file")
    return None if text is None else FileAnchor(path=joined(entry.directory, text), **every)


def _syslog(entry: Reader, every: dict[str, Any]) -> Anchor | None:
    text = entry.text("syslog")
    if text is None:
        return None
    if text != "local" and not text.startswith(("udp://", "tcp://", "/")):
        entry.refuse(
            f"{entry.name('syslog')}: write local, udp://host:514, tcp://host:514, or a path", "syslog"
        )
    return SyslogAnchor(address="" if text == "local" else text, **every)


def _stderr(entry: Reader, every: dict[str, Any]) -> Anchor | None:
    if entry.values["stderr"] is not True:
        entry.refuse(f"{entry.name('stderr')} is true, or is not there", "stderr")
    return StderrAnchor(**every)


def _witness(entry: Reader, every: dict[str, Any]) -> Anchor | None:
    url, key = _url(entry, "witness"), entry.text("key")
    if url is None or key is None:
        return None
    try:
        return WitnessAnchor(url=url, key=VerifierKey.parse(key), **every)
    except NoteError as error:
        entry.refuse(f"{entry.name('key')} is no public key of a witness: {error}", "key")
        return None


def _timestamps(entry: Reader, every: dict[str, Any]) -> Anchor | None:
    url, roots = _url(entry, "timestamps"), entry.text("roots")
    if url is None or roots is None:
        return None
    try:
        return TimestampAnchor(url=url, roots=joined(entry.directory, roots), **every)
    except UsageError as error:  # the extra is not installed
        entry.refuse(f"{entry.name('timestamps')}: {error}", "timestamps")
        return None


def _url(entry: Reader, key: str) -> str | None:
    url = entry.text(key)
    # What authorities sign needs no secrecy, and most of them speak plain http.
    problem = None if url is None else url_problem(url, allow_http=key == "timestamps")
    if problem:
        entry.refuse(f"{entry.name(key)}: {problem}", key)
        return None
    return url


_READ: Final[dict[str, Callable[[Reader, dict[str, Any]], Anchor | None]]] = {
    "file": _file,
    "syslog": _syslog,
    "stderr": _stderr,
    "witness": _witness,
    "timestamps": _timestamps,
}
