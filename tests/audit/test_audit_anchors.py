"""Anchors: where checkpoints are taken to. Real sockets and files, and a witness that checks for itself."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mcpbridge.audit import Against, Status, verify
from mcpbridge.audit.anchors import (
    Anchor,
    AnchorFailed,
    Anchoring,
    FileAnchor,
    Point,
    StderrAnchor,
    SyslogAnchor,
    WitnessAnchor,
)
from mcpbridge.audit.anchors.anchor import anchor_line, read_anchor_line
from mcpbridge.audit.anchors.witness import Inconsistent
from mcpbridge.audit.checkpoint import Checkpoint
from mcpbridge.audit.keys import new_signing_key, verifier_keys
from mcpbridge.audit.note import VerifierKey

from .anchored import anchored
from .logs import all_lines, decision, note, written
from .witness import Witness

_KEY = new_signing_key("example.com/log")


def _note(size: int) -> str:
    return Checkpoint(origin="example.com/log", size=size, root=bytes(32)).signed(_KEY)


def _point(folder: Path, size: int = 7) -> Point:
    return Point.of(folder, _note(size))


def _last(folder: Path) -> Point:
    """The log's last checkpoint."""
    return Point.of(folder, json.loads(all_lines(folder)[-1])["note"])


@pytest.fixture
def witness(httpserver: HTTPServer) -> Witness:
    found = Witness()
    httpserver.expect_request("/w/add-checkpoint", method="POST").respond_with_handler(found)
    return found


@pytest.fixture
def asked(httpserver: HTTPServer, witness: Witness) -> WitnessAnchor:
    return WitnessAnchor(url=httpserver.url_for("/w/"), key=VerifierKey.parse(witness.verifier_key))


def test_a_witness_signs_each_checkpoint_after_a_proof_that_it_checks_itself(
    tmp_path: Path, witness: Witness, asked: WitnessAnchor
) -> None:
    written(tmp_path, [note()])
    witness.trust(str(verifier_keys(tmp_path)[0]))
    for sitting in range(9):
        anchored(tmp_path, [decision(f"mcpr_{sitting}_{n}") for n in range(sitting)], [asked])
    (origin, (size, root)), *_ = witness.seen.items()
    assert (origin, size, root) == (
        _last(tmp_path).checkpoint.origin,
        len(all_lines(tmp_path)) - 1,
        _last(tmp_path).checkpoint.root,
    )
    assert witness.requests[-1].startswith("old ")
    found = verify(tmp_path, Against(anchors=[asked]))
    assert (found.status, found.exit_code, found.unsealed) == (Status.SEALED, 0, None)
    assert "asked at 2023-03-20" in str(found)


def test_a_witness_that_saw_more_than_is_remembered_here_says_so_and_is_shown_the_proof_from_there(
    tmp_path: Path, witness: Witness, asked: WitnessAnchor
) -> None:
    written(tmp_path, [note()])
    witness.trust(str(verifier_keys(tmp_path)[0]))
    anchored(tmp_path, [note("2")], [asked])
    (tmp_path / "anchors").rename(tmp_path / "elsewhere")
    anchored(tmp_path, [note("3")], [asked])
    assert [body.split("\n")[0] for body in witness.requests] == ["old 0", "old 0", "old 3"]
    assert verify(tmp_path, Against(anchors=[asked])).status is Status.SEALED


def test_what_a_witness_signed_is_kept_but_seals_nothing_while_it_is_not_asked(
    tmp_path: Path, witness: Witness, asked: WitnessAnchor, httpserver: HTTPServer
) -> None:
    written(tmp_path, [note()])
    witness.trust(str(verifier_keys(tmp_path)[0]))
    anchored(tmp_path, [note("2")], [asked])
    offline = verify(tmp_path, Against(anchors=[asked], ask=False))
    assert (offline.exit_code, offline.anchors[0].lines) == (3, 3)
    assert "it signed them at 2023-03-20" in str(offline)
    httpserver.clear()
    gone = verify(tmp_path, Against(anchors=[asked]))
    assert gone.exit_code == 3
    assert "could not be asked: it answered with HTTP status 500" in str(gone)


def test_records_after_the_last_checkpoint_that_a_witness_saw_are_named(
    tmp_path: Path, witness: Witness, asked: WitnessAnchor
) -> None:
    written(tmp_path, [note()])
    witness.trust(str(verifier_keys(tmp_path)[0]))
    anchored(tmp_path, [note("2")], [asked])
    lines = all_lines(tmp_path)
    written(tmp_path, [note("3"), note("4")])
    # The last line is a checkpoint, which the witness would sign when asked: cut it off, as a crash would.
    (tmp_path / "audit.jsonl").write_bytes(b"\n".join(all_lines(tmp_path)[:-1]) + b"\n")
    found = verify(tmp_path, Against(anchors=[asked]))
    assert found.exit_code == 3
    first = len(lines) + 1
    assert f"2 records unsealed, seq {first}-{first + 1} (sealed up to seq {len(lines) - 1})" in str(found)


def test_a_log_that_grows_while_it_is_verified_is_read_again_and_not_called_cut(
    tmp_path: Path, witness: Witness, asked: WitnessAnchor, httpserver: HTTPServer
) -> None:
    written(tmp_path, [note()])
    witness.trust(str(verifier_keys(tmp_path)[0]))
    turns = [True]

    def growing(request: Request) -> Response:
        if turns and turns.pop():  # another process writes, and takes its checkpoint to the witness first
            written(tmp_path, [note("meanwhile")])
            latest = _last(tmp_path).checkpoint
            witness.seen[latest.origin] = (latest.size, latest.root)
        return witness(request)

    httpserver.expect_request("/busy/add-checkpoint", method="POST").respond_with_handler(growing)
    busy = WitnessAnchor(url=httpserver.url_for("/busy"), key=asked.key)
    found = verify(tmp_path, Against(anchors=[busy]))
    assert (found.status, found.records) == (Status.SEALED, 2)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (403, "", "does not trust the key"),
        (404, "", "does not know this log"),
        (422, "", "not in this log any more"),
        (409, "", "another checkpoint of as many lines"),
        (409, "2\n", "no checkpoint of its first 2 lines"),
        (409, "3\n", "another checkpoint of the first 3 lines"),
        (409, "900\n", "already signed a checkpoint of 900 lines"),
        (200, "", "no cosignature"),
        (200, "— witness.example/other AAAAAAAAAAAA\n", "did not sign with the key that is declared"),
        (200, "\xff", "no cosignature"),
        (302, "", "HTTP status 302"),
        (500, "", "HTTP status 500"),
    ],
)
def test_every_refusal_of_a_witness_says_what_it_means(
    tmp_path: Path, httpserver: HTTPServer, status: int, body: str, says: str
) -> None:
    written(tmp_path, [note(), note(), note()])
    httpserver.expect_request("/add-checkpoint").respond_with_data(
        body.encode("latin-1" if body == "\xff" else "utf-8"), status, headers={"Location": "/elsewhere"}
    )
    key = VerifierKey.parse(Witness().verifier_key)
    with pytest.raises(AnchorFailed, match=says):
        WitnessAnchor(url=httpserver.url_for(""), key=key).ask(_last(tmp_path), old=0)


def test_a_forged_cosignature_is_no_cosignature(
    tmp_path: Path, witness: Witness, asked: WitnessAnchor
) -> None:
    written(tmp_path, [note()])
    witness.trust(str(verifier_keys(tmp_path)[0]))
    other = Witness()
    anchor = WitnessAnchor(url=asked.url, key=VerifierKey.parse(other.verifier_key))
    with pytest.raises(AnchorFailed, match="did not sign with the key that is declared"):
        anchor.ask(_last(tmp_path), old=0)


def test_a_rewritten_log_gets_no_cosignature_any_more(
    tmp_path: Path, witness: Witness, asked: WitnessAnchor
) -> None:
    written(tmp_path, [note(), note()])
    witness.trust(str(verifier_keys(tmp_path)[0]))
    asked.publish(_last(tmp_path))
    (tmp_path / "audit.jsonl").unlink()
    written(tmp_path, [note("other"), note("other")])
    with pytest.raises(Inconsistent):
        asked.publish(_last(tmp_path))
    written(tmp_path, [note("more")])
    with pytest.raises(Inconsistent):
        asked.publish(_last(tmp_path))


def test_a_file_gets_a_durable_line_for_each_checkpoint_and_a_log_daemon_may_write_before_it(
    tmp_path: Path,
) -> None:
    anchor = FileAnchor(path=tmp_path / "heads.jsonl")
    for size in (7, 9):
        anchor.publish(_point(tmp_path / "log", size))
    lines = (tmp_path / "heads.jsonl").read_bytes().splitlines()
    found = [read_anchor_line(b"Nov 22 05:00:00 host mcpbridge-audit: " + line) for line in lines]
    assert [each and each[1].size for each in found] == [7, 9]
    assert os.stat(tmp_path / "heads.jsonl").st_mode & 0o777 == 0o600
    for line in (b"", b'{"log":"', b'{"log":"x","note":"y"}', b'{"log":"x"}', b'{"log":"\xff"}'):
        assert read_anchor_line(line) is None


def test_standard_error_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    StderrAnchor().publish(_point(tmp_path))
    assert capsys.readouterr().err == f"mcpbridge-audit: {anchor_line(_point(tmp_path))}\n"


@contextmanager
def _datagrams() -> Generator[tuple[str, socket.socket]]:
    """A socket's path must be short, which `tmp_path` is not everywhere."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        path = f"{folder}/log"
        daemon.bind(path)
        yield path, daemon


def test_syslog_gets_a_message_over_a_local_socket_udp_and_tcp(tmp_path: Path) -> None:
    expected = f"<85>mcpbridge-audit: {anchor_line(_point(tmp_path))}".encode()
    with _datagrams() as (path, daemon):
        SyslogAnchor(address=path).publish(_point(tmp_path))
        assert daemon.recv(65_536) == expected
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        SyslogAnchor(address=f"udp://127.0.0.1:{udp.getsockname()[1]}").publish(_point(tmp_path))
        assert udp.recv(65_536) == expected
    with socket.create_server(("127.0.0.1", 0)) as server:
        SyslogAnchor(address=f"tcp://127.0.0.1:{server.getsockname()[1]}").publish(_point(tmp_path))
        stream, _ = server.accept()
        with stream:
            assert stream.recv(65_536) == b"%d %b" % (len(expected), expected)
    with pytest.raises(OSError, match="No such file"):
        SyslogAnchor(address=str(tmp_path / "none")).publish(_point(tmp_path))


def test_lines_that_a_log_daemon_kept_are_held_against_the_log(tmp_path: Path) -> None:
    kept = tmp_path / "messages"
    with _datagrams() as (path, daemon):
        anchored(tmp_path / "log", [note(), note()], [SyslogAnchor(address=path)])
        kept.write_bytes(b"Nov 22 host noise\nNov 22 05:00:00 host " + daemon.recv(65_536)[4:] + b"\n")
    found = verify(tmp_path / "log", Against(anchors=[SyslogAnchor()], outside=[kept]))
    assert (found.exit_code, found.anchors[1].lines) == (0, 2)
    assert "nothing is read back from it; give the file" in str(found)


def _untold(name: str, problem: str) -> None:
    """Nobody listens."""


@dataclass
class _Slow:
    """An anchor that fails or waits as it is told to."""

    name: str = "slow"
    every: float = 0.0
    failing: threading.Event = field(default_factory=threading.Event)
    free: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    sizes: list[int] = field(default_factory=list[int])

    def publish(self, point: Point, /) -> None:
        self.entered.release()
        assert self.free.wait(30)
        if self.failing.is_set():
            raise AnchorFailed("out of order")
        self.sizes.append(point.checkpoint.size)


def test_a_slow_anchor_gets_the_latest_checkpoint_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    slow, quick = _Slow(), FileAnchor(path=tmp_path / "quick.jsonl")
    anchors: list[Anchor] = [slow, quick]
    anchoring = Anchoring(anchors, tmp_path / "log", tell=_untold)
    anchoring.offer(_note(1))
    assert slow.entered.acquire(timeout=30)
    for size in range(2, 9):
        anchoring.offer(_note(size))
    slow.free.set()
    assert anchoring.close(30)
    assert slow.sizes == [1, 8]
    last = read_anchor_line((tmp_path / "quick.jsonl").read_bytes().splitlines()[-1])
    assert last
    assert last[1].size == 8


def test_a_failing_anchor_is_told_of_once_tried_again_and_told_of_when_it_works(tmp_path: Path) -> None:
    slow, told = _Slow(), list[tuple[str, str]]()
    slow.free.set()
    slow.failing.set()
    anchoring = Anchoring([slow], tmp_path, tell=lambda name, problem: told.append((name, problem)))
    anchoring.offer(_note(1))
    for _ in range(2):
        assert slow.entered.acquire(timeout=30)
    slow.failing.clear()
    assert anchoring.close(30)
    assert told == [("slow", "out of order"), ("slow", "")]
    assert slow.sizes == [1]


def test_closing_does_not_wait_for_an_anchor_that_stays_out_of_order(tmp_path: Path) -> None:
    slow = _Slow()
    slow.free.set()
    slow.failing.set()
    anchoring = Anchoring([slow], tmp_path, tell=_untold)
    anchoring.offer(_note(1))
    assert not anchoring.close(30)


def test_a_redirect_is_not_followed(tmp_path: Path, httpserver: HTTPServer) -> None:
    seen: list[str] = []

    def elsewhere(request: Request) -> Response:
        seen.append(request.path)
        return Response("", 307, headers={"Location": "/elsewhere"})

    httpserver.expect_request("/add-checkpoint").respond_with_handler(elsewhere)
    httpserver.expect_request("/elsewhere").respond_with_handler(elsewhere)
    written(tmp_path, [note()])
    key = VerifierKey.parse(Witness().verifier_key)
    with pytest.raises(AnchorFailed, match="HTTP status 307"):
        WitnessAnchor(url=httpserver.url_for(""), key=key).ask(_last(tmp_path), old=0)
    assert seen == ["/add-checkpoint"]
    with pytest.raises(AnchorFailed, match="is no address"):
        WitnessAnchor(url="file:///etc", key=key).ask(_last(tmp_path), old=0)
    with pytest.raises(AnchorFailed, match="does not answer"):
        WitnessAnchor(url="http://127.0.0.1:1", key=key).ask(_last(tmp_path), old=0)
