"""Canary secrets in every record type, at every level: none in the log, nor in what is made of it."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

import pytest

from mcpbridge.audit import AuditLog, DeclaredSecrets, MemoryAudit, RecordType, read
from mcpbridge.audit.schema import FORMS
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.ports import Record
from tests.wire.outputs import outputs
from tests.wire.spellings import found, written

pyrage: Any = pytest.importorskip("pyrage", reason="the extra `sealed`")

KNOWN: Final = 'canary "known" §ecret/7f3a+91c4'
"""A configured credential."""
SHAPED: Final = "sk-canary0123456789abcdefghij"
NAMED: Final = "canary named hunter2"
DECLARED: Final = "canary-4711"
_ENDS: Final = {"prev", "seq", "ts", "type", "crc"}
LEVELS: Final = ("none", "metadata", "arguments", "sealed", "full")
_OURS: Final = frozenset(
    {"prev", "seq", "ts", "type", "phase", "crc", "blobs", "note", "range", "sealed", "keys", "segments"}
)


def everything() -> str:
    """A text with the known secret in all its spellings."""
    return " | ".join(written(KNOWN))


def filled(type_: RecordType) -> Record:
    """A record with canaries in every field that its form has."""
    form = FORMS[type_]
    names = {*form.required, *form.optional} - _OURS
    fields: dict[str, Any] = {name: f"{name} {everything()}" for name in names}
    screen = f"screen: {everything()}, {SHAPED}, pin {DECLARED}, password {NAMED}"
    fields |= {
        "server_label": "bank", "tool": "pay", "via": "hosted", "principal": "ana",
        "conversation_id": f"conv_{type_.value}", "request_id": f"mcpr_{type_.value}",
        "screen_hash": hashlib.sha256(screen.encode()).hexdigest(),
    }  # fmt: skip
    secret = {"pin": DECLARED, "password": NAMED, "key": SHAPED, "note": everything(), everything(): 1}
    if "arguments" in names:
        fields["arguments"] = {"deep": [secret], **secret}
    fields["reason"] = fields["error"] = f"{everything()} {SHAPED} password={NAMED.split()[-1]}xyz"
    fields["result"] = {"text": f"{everything()} {SHAPED}", **secret}
    # A screen is stored with the arguments it shows. Other texts are policies and tool definitions, which
    # must match their hashes: known secrets only.
    text = screen if {"screen_hash", "arguments"} <= names else everything()
    return Record(
        type=type_, phase="pre", fields=fields, blobs=(text,), decision_key=f"{everything()} {type_}"
    )


@pytest.mark.promise("audit-canary")
@pytest.mark.parametrize("level", LEVELS)
def test_no_canary_of_any_record_type_is_in_the_log_or_what_is_made_of_it(
    level: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviewer = pyrage.x25519.Identity.generate()
    (tmp_path / "reviewer.key").write_text(f"{reviewer}\n")
    log = tmp_path / "audit"
    kinds = [kind for kind in RecordType if kind is not RecordType.CHECKPOINT]

    async def write() -> None:
        async with AuditLog.open(
            log,
            mask=Mask([Secret(KNOWN)]),
            levels={"*": level},
            allow_full=True,
            secrets=[DeclaredSecrets(tool="bank.*", fields=("pin",))],
            recipients=[str(reviewer.to_public())],
        ) as opened:
            for kind in kinds:
                await opened.append(filled(kind))

    asyncio.run(write())
    assert len(list(read(log))) > len(kinds)
    seals = [record for record in read(log) if record["type"] == RecordType.CHECKPOINT]
    assert seals
    assert all(record.keys() == {*FORMS[RecordType.CHECKPOINT].required} | _ENDS for record in seals)
    places = outputs(log, "mcpr_decision", capsys, identity=tmp_path / "reviewer.key")
    assert found(places, KNOWN, SHAPED, DECLARED) == []
    assert not [place for place, text in places.items() if "hunter2" in text]


@pytest.mark.promise("audit-canary")
@pytest.mark.parametrize("level", ["none", "metadata", "arguments", "full"])
def test_no_canary_of_a_checkpoint_that_a_caller_makes_up_is_in_its_line(level: str) -> None:
    audit = MemoryAudit(mask=Mask([Secret(KNOWN)]), levels={"*": level}, allow_full=True)
    asyncio.run(audit.append(filled(RecordType.CHECKPOINT)))
    places = {"line": audit.lines[0].decode(), "texts": str(audit.blobs)}
    assert found(places, KNOWN, SHAPED) == []
    assert "hunter2" not in places["line"]
