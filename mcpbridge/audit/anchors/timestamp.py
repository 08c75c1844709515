"""Time stamps (RFC 3161): an authority signs that a checkpoint existed at a time.

They show when, and that nothing before was changed since. They cannot show that nothing was cut off after
them, so they alone never make a log sealed. Needs the extra `timestamps`.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.audit.anchors.anchor import ANCHORS, AnchorFailed, Point
from mcpbridge.audit.disk import SystemDisk, make_directory
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse, Verifier

STAMPS: Final = "timestamps.jsonl"
_EXTRA: Final = "time stamps need the extra `timestamps`: pip install 'mcpbridge[timestamps]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAnchor:
    """Has checkpoints stamped by the authority at `url`, and keeps the stamps beside the log."""

    url: str
    roots: Path
    """PEM file with the certificates that the authority's own must lead to."""
    every: float = 3_600.0

    def __post_init__(self) -> None:
        """Raises UsageError where the extra is not installed: not later, in a thread, when it is needed."""
        _client()

    @property
    def name(self) -> str:
        return f"time stamps of {self.url}"

    def publish(self, point: Point, /) -> None:
        from mcpbridge.audit.anchors.http import post  # when it is needed: urllib takes 10 ms

        request = _client().TimestampRequestBuilder().data(point.note.encode()).build()
        answer = post(self.url, request.as_bytes(), "application/timestamp-query")
        if answer.status != 200:
            raise AnchorFailed(f"it answered with HTTP status {answer.status}")
        check(answer.body, point.note, _verifier(self.roots, nonce=request.nonce))
        stamp = base64.b64encode(answer.body).decode()
        kept = {
            "log": point.checkpoint.origin,
            "size": point.checkpoint.size,
            "note": point.note,
            "tsr": stamp,
        }
        _append(point.directory / ANCHORS / STAMPS, json.dumps({**kept, "url": self.url}, ensure_ascii=False))

    def check(self, stamp: bytes, note: str) -> datetime:
        """When the authority saw the checkpoint. Raises AnchorFailed when the stamp does not hold."""
        return check(stamp, note, _verifier(self.roots))


def check(stamp: bytes, note: str, verifier: Verifier) -> datetime:
    """The time in a stamp that holds for `note`. Raises AnchorFailed."""
    response = _decoded(stamp)
    try:
        verifier.verify_message(response, note.encode())
    except (_client().VerificationError, ValueError) as error:
        raise AnchorFailed(f"its time stamp does not hold: {error}") from error
    return response.tst_info.gen_time


def _decoded(stamp: bytes) -> TimeStampResponse:
    try:
        response: TimeStampResponse = _client().decode_timestamp_response(stamp)
        return response
    except ValueError as error:
        raise AnchorFailed("its answer is no time stamp") from error


def _verifier(roots: Path, *, nonce: int | None = None) -> Verifier:
    from cryptography import x509

    builder = _client().VerifierBuilder() if nonce is None else _client().VerifierBuilder().nonce(nonce)
    try:
        certificates = x509.load_pem_x509_certificates(roots.read_bytes())
    except (OSError, ValueError) as error:
        raise AnchorFailed(f"{roots} holds no certificates in PEM form") from error
    for certificate in certificates:
        builder = builder.add_root_certificate(certificate)
    verifier: Verifier = builder.build()
    return verifier


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise UsageError(_EXTRA) from None
    return rfc3161_client


def _append(path: Path, line: str) -> None:
    disk = SystemDisk()
    make_directory(path.parent, disk)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        data = f"{line}\n".encode()
        if os.write(fd, data) != len(data):
            raise AnchorFailed("the disk took only a part of its time stamp (is it full?)")
        disk.sync(fd)
    finally:
        os.close(fd)
