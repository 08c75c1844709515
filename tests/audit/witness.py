"""A reference witness, written from c2sp.org/tlog-witness alone: it uses no code of ours."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from werkzeug import Request, Response

NAME: Final = "witness.example/w1"


@dataclass
class Witness:
    """Answers `POST …/add-checkpoint`; a handler for pytest-httpserver."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    logs: dict[str, list[Ed25519PublicKey]] = field(default_factory=dict[str, list[Ed25519PublicKey]])
    """By origin, the keys that it trusts."""
    seen: dict[str, tuple[int, bytes]] = field(default_factory=dict[str, tuple[int, bytes]])
    now: int = 1_679_315_147
    requests: list[str] = field(default_factory=list[str])

    @property
    def verifier_key(self) -> str:
        material = b"\x04" + self.key.public_key().public_bytes_raw()
        return f"{NAME}+{self._id.hex()}+{base64.b64encode(material).decode()}"

    @property
    def _id(self) -> bytes:
        public = self.key.public_key().public_bytes_raw()
        return hashlib.sha256(NAME.encode() + b"\n\x04" + public).digest()[:4]

    def trust(self, verifier_key: str) -> None:
        """The log's key, as its operator was given it. Its name is the log's origin."""
        origin, _, material = verifier_key.split("+", 2)
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(material)[1:])
        self.logs.setdefault(origin, []).append(public)

    def __call__(self, request: Request) -> Response:
        body = request.get_data(as_text=True)
        self.requests.append(body)
        head, note = body.split("\n\n", 1)
        first, *proof = head.split("\n")
        return self._answer(int(first.removeprefix("old ")), [base64.b64decode(line) for line in proof], note)

    def _answer(self, old: int, proof: list[bytes], note: str) -> Response:
        text, _, lines = note.partition("\n\n")
        text += "\n"
        origin, number, root64 = text.split("\n")[:3]
        size, root = int(number), base64.b64decode(root64)
        if origin not in self.logs:
            return Response("unknown log", 404)
        if not any(self._signed(text, lines, key) for key in self.logs[origin]):
            return Response("bad signature", 403)
        if old > size:
            return Response("old is larger", 400)
        known, known_root = self.seen.get(origin, (0, b""))
        if old != known:
            return Response(f"{known}\n", 409, content_type="text/x.tlog.size")
        if old == size and old and known_root != root:
            return Response("other root", 409)
        if 0 < old < size and not consistent(old, known_root, size, root, proof):
            return Response("no proof", 422)
        self.seen[origin] = (size, root)
        return Response(self._cosignature(text), 200)

    def _signed(self, text: str, lines: str, key: Ed25519PublicKey) -> bool:
        for line in lines.splitlines():
            try:
                key.verify(base64.b64decode(line.split(" ")[2])[4:], text.encode())
            except InvalidSignature:
                continue
            return True
        return False

    def _cosignature(self, text: str) -> str:
        signature = self.key.sign(f"cosignature/v1\ntime {self.now}\n{text}".encode())
        data = self._id + self.now.to_bytes(8, "big") + signature
        return f"\u2014 {NAME} {base64.b64encode(data).decode()}\n"


def consistent(old: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """RFC 9162 §2.1.4.2, step by step."""
    path = ([old_root] if old & (old - 1) == 0 else []) + proof
    if not path:
        return False
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for node in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(node, fr), _node(node, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, node)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr, sn) == (old_root, root, 0)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
