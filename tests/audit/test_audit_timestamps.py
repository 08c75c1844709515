"""RFC 3161 time stamps, by an authority that OpenSSL plays."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.audit import Against, AuditLog, verify
from mcpbridge.audit.anchors import AnchorFailed, Point, TimestampAnchor
from mcpbridge.errors import UsageError

from .anchored import anchored
from .logs import MASK, all_lines, note, written

pytest.importorskip("rfc3161_client", reason="the extra `timestamps` is not installed")
_OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(_OPENSSL is None, reason="openssl is not installed")

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[tsa_certificate]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = stamps
[stamps]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


class _Authority:
    """A time stamping authority: a root, a certificate for stamping, `openssl ts`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.roots = folder, folder / "ca.pem"
        (folder / "serial").write_text("01\n")
        for name in ("ca", "tsa"):
            (folder / f"{name}.cnf").write_text(_CONFIG.format(name=name, folder=folder))
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                  "-days", "30", "-config", "ca.cnf", "-extensions", "ca")  # fmt: skip
        self._run("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
                  "-config", "tsa.cnf")  # fmt: skip
        self._run("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2",
                  "-out", "tsa.pem", "-days", "30", "-extfile", "tsa.cnf",
                  "-extensions", "tsa_certificate")  # fmt: skip

    def _run(self, *words: str) -> None:
        assert _OPENSSL
        subprocess.run([_OPENSSL, *words], cwd=self.folder, check=True, capture_output=True)

    def __call__(self, request: Request) -> Response:
        assert request.content_type == "application/timestamp-query"
        (self.folder / "query").write_bytes(request.get_data())
        self._run(
            "ts", "-reply", "-queryfile", "query", "-config", "tsa.cnf", "-section", "stamps", "-out", "reply"
        )
        reply = (self.folder / "reply").read_bytes()
        return Response(reply, content_type="application/timestamp-reply")


@pytest.fixture
def anchor(tmp_path: Path, httpserver: HTTPServer) -> TimestampAnchor:
    authority = _Authority(tmp_path / "authority")
    httpserver.expect_request("/tsr", method="POST").respond_with_handler(authority)
    return TimestampAnchor(url=httpserver.url_for("/tsr"), roots=authority.roots)


def test_a_stamp_shows_when_a_checkpoint_existed_and_seals_nothing(
    tmp_path: Path, anchor: TimestampAnchor
) -> None:
    log = tmp_path / "log"
    anchored(log, [note(), note()], [anchor])
    found = verify(log, Against(anchors=[anchor]))
    assert (found.exit_code, found.anchors[0].lines) == (3, 2)
    assert f"they existed at {datetime.now(UTC):%Y-%m-%d}" in str(found)
    assert "which says nothing of what came later" in str(found)


def test_a_log_rewritten_after_its_stamp_is_found(tmp_path: Path, anchor: TimestampAnchor) -> None:
    log = tmp_path / "log"
    anchored(log, [note("1"), note("2")], [anchor])
    (log / "audit.jsonl").unlink()
    written(log, [note("other"), note("story")])
    assert verify(log, Against(anchors=[anchor])).exit_code == 1
    stamps = log / "anchors" / "timestamps.jsonl"
    line = json.loads(stamps.read_text())
    line["tsr"] = line["tsr"][:-8] + "AAAAAAAA"
    stamps.write_text(json.dumps(line) + "\n")
    assert verify(log, Against(anchors=[anchor])).exit_code == 3  # a stamp that does not hold is no evidence


def test_a_stamp_of_an_unknown_authority_is_refused(
    tmp_path: Path, anchor: TimestampAnchor, httpserver: HTTPServer
) -> None:
    log = tmp_path / "log"
    written(log, [note()])
    point = Point.of(log, json.loads(all_lines(log)[-1])["note"])
    stranger = TimestampAnchor(url=anchor.url, roots=_Authority(tmp_path / "stranger").roots)
    with pytest.raises(AnchorFailed, match="time stamp does not hold"):
        stranger.publish(point)
    with pytest.raises(AnchorFailed, match="holds no certificates"):
        TimestampAnchor(url=anchor.url, roots=tmp_path / "none.pem").publish(point)
    httpserver.expect_request("/text").respond_with_data("no stamp")
    with pytest.raises(AnchorFailed, match="is no time stamp"):
        TimestampAnchor(url=httpserver.url_for("/text"), roots=anchor.roots).publish(point)
    with pytest.raises(AnchorFailed, match="HTTP status 500"):
        TimestampAnchor(url=httpserver.url_for("/nowhere"), roots=anchor.roots).publish(point)


def test_without_the_extra_the_log_is_not_opened_and_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)

    async def scenario() -> None:
        anchor = TimestampAnchor(url="http://127.0.0.1:1", roots=tmp_path / "ca.pem")
        async with AuditLog.open(tmp_path / "log", mask=MASK, anchors=[anchor]):
            pass

    with pytest.raises(UsageError, match=r"mcpbridge\[timestamps\]"):
        asyncio.run(scenario())
