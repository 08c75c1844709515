"""What a hostile reviewer found: arguments that rewrite the record, stop the process or starve the others."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import AuditLog, FlawKind, MemoryAudit, RecordType, blob_text, history, read, verify
from mcpbridge.audit.decided import DecisionIndex
from mcpbridge.audit.screens import MAX_BLOBS
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.errors import AlreadyDecided, AuditCorrupt, AuditUnavailable
from mcpbridge.ports import Record

from .logs import MASK, FaultyDisk, decision, encoded, keyed, note, written


@pytest.mark.parametrize(
    "word",
    ["decision_key", "outcome", "policy_allow", "server_label", "request_id", "conversation_id", "conv_1",
     "principal", "human_allow", "ci-bot", "decision", "mcpr_1"],
)  # fmt: skip
def test_a_models_argument_cannot_rewrite_the_records_own_fields(word: str) -> None:
    plain, _ = encoded(keyed("mcpr_1"))
    record, _ = encoded(
        replace(keyed("mcpr_1"), fields={**keyed("mcpr_1").fields, "arguments": {"pwd": word}})
    )
    for name in plain.keys() - {"arguments", "arguments_hmac", "arguments_size", "hmac_key", "ts", "crc"}:
        assert record[name] == plain[name]


def test_a_configured_secret_cannot_rename_the_records_own_fields() -> None:
    record, _ = encoded(keyed("mcpr_1"), mask=Mask([Secret("outcome"), Secret("decision_key")]))
    assert (record["outcome"], record["decision_key"]) == ("human_allow", "mcpr_1")


def test_hidden_values_leave_free_texts_but_no_names() -> None:
    record, line = encoded(
        decision(arguments={"password": "hunter22"}, reason="no hunter22", detail={"hunter22": ["hunter22"]})
    )
    assert record["reason"].startswith("no [hmac:")
    assert list(record["detail"]) == ["hunter22"]
    assert line.count(b"hunter22") == 1


@pytest.mark.parametrize("reason", ["", "right", "password=hunter22"])
def test_a_decision_key_is_written_as_it_is_whatever_else_the_record_holds(reason: str) -> None:
    audit = MemoryAudit()
    key = "conv_1/sk-AAAAAAAAAAAAAAAAAAAA1/0"
    record = replace(decision("sk-AAAAAAAAAAAAAAAAAAAA1"), decision_key=key)
    asyncio.run(audit.append(record))
    with pytest.raises(AlreadyDecided):
        asyncio.run(audit.append(replace(record, fields={**record.fields, "reason": reason})))
    written_record, _ = encoded(replace(record, fields={**record.fields, "reason": reason}))
    assert written_record["decision_key"] == key
    assert written_record["request_id"] == "sk-AAAAAAAAAAAAAAAAAAAA1"


@pytest.mark.parametrize(
    "arguments",
    [
        {"password": [f"x{number:07d}" for number in range(90_000)]},
        {"text": " ".join(f"token=abc{number:07d}" for number in range(50_000))},
        {f"token=abc{number:07d}": 1 for number in range(45_000)},
    ],
    ids=["leaves", "text", "keys"],
)
def test_a_megabyte_of_secrets_does_not_stop_the_process(arguments: Any) -> None:
    """Quadratic, this would take minutes: whoever waits will see it."""
    record, line = encoded(
        replace(decision(arguments=arguments, reason="why x0000001"), blobs=(str(arguments),))
    )
    assert "password" not in arguments or b"x0000001" not in line
    assert b"abc0000001" not in line
    assert "blobs_withheld" in record or "blobs_masked" in record


def test_a_failed_sync_says_that_the_record_may_be_there(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.sync_error = OSError(errno.EIO, os.strerror(errno.EIO))
            with pytest.raises(AuditUnavailable) as first:
                await log.append(keyed("mcpr_1"))
            with pytest.raises(AuditUnavailable) as second:
                await log.append(keyed("mcpr_2"))
            assert (first.value.maybe_written, second.value.maybe_written) == (True, False)

    asyncio.run(scenario())
    assert [record["decision_key"] for record in read(tmp_path)] == ["mcpr_1"]


@pytest.mark.parametrize("undone", [True, False])
def test_a_partial_write_may_be_there_only_if_it_could_not_be_cut_off(tmp_path: Path, undone: bool) -> None:
    disk = FaultyDisk()

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.takes = 40
            disk.truncate_error = None if undone else OSError(errno.EIO, "broken")
            with pytest.raises(AuditUnavailable) as failed:
                await log.append(note())
            assert failed.value.maybe_written is not undone

    asyncio.run(scenario())


def test_many_texts_of_one_record_are_kept_with_few_syncs(tmp_path: Path) -> None:
    disk = FaultyDisk()
    texts = tuple(f"tool {number} \ud800" for number in range(2_000))
    record = Record(type="tools_listed", blobs=texts)

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK, disk=disk) as log:
            disk.calls.clear()
            await log.append(record)
            assert disk.calls.count("sync") == MAX_BLOBS + 2
            disk.calls.clear()
            await log.append(record)
            assert disk.calls == ["write", "sync"]

    asyncio.run(scenario())
    found = next(read(tmp_path))
    assert len(found["blobs"]) == MAX_BLOBS
    for text in (texts[0], texts[-1]):
        assert blob_text(tmp_path, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()) == text
    assert json.loads(blob_text(tmp_path, found["blobs_bundle"]) or "") == list(texts[MAX_BLOBS:])
    assert blob_text(tmp_path, "0" * 64) is None
    assert verify(tmp_path).exit_code == 3
    bundle = tmp_path / "blobs" / f"{found['blobs_bundle']}.list"
    bundle.write_bytes(b"[]")
    assert verify(tmp_path).flaws[0].kind is FlawKind.BLOB_ALTERED
    assert blob_text(tmp_path, hashlib.sha256(b"tool 1999").hexdigest()) is None
    bundle.unlink()
    assert verify(tmp_path).flaws[0].kind is FlawKind.BLOB_MISSING


def test_memory_has_the_texts_of_a_bundle_too() -> None:
    audit = MemoryAudit()
    asyncio.run(audit.append(Record(type="tools_listed", blobs=tuple(map(str, range(100))))))
    assert audit.blobs[hashlib.sha256(b"99").hexdigest()] == "99"


@pytest.mark.parametrize("level", ["none", "metadata"])
def test_below_level_arguments_an_error_that_repeats_them_is_not_kept(level: str) -> None:
    fields = {"server_label": "files", "tool": "pay", "error": "http_error 404: no account DE89"}
    record, line = encoded(Record(type="outcome", phase="post", fields=fields), levels={"files.*": level})
    assert b"DE89" not in line
    assert (record["error"]["code"], record["error"]["size"]) == ("http_error 404", 31)
    record, _ = encoded(Record(type="outcome", fields={**fields, "error": ["DE89"]}), levels={"*": level})
    assert set(record["error"]) == {"size", "hmac", "key"}
    assert encoded(Record(type="outcome", fields=fields))[0]["error"] == fields["error"]


def test_a_long_log_is_searched_step_by_step_while_others_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, [keyed(f"mcpr_{number}") for number in range(40)])
    monkeypatch.setattr(history, "_STEP", 100)  # a constant: many steps without a log of many megabytes

    async def scenario() -> list[int | BaseException]:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            found = await asyncio.gather(
                log.append(keyed("mcpr_new")),
                log.append(keyed("mcpr_39")),
                log.append(note()),
                log.append(replace(keyed("mcpr_first"), new_key=True)),
                log.append(keyed("mcpr_first")),
                return_exceptions=True,
            )
            return [*found]

    new, old, plain, first, again = asyncio.run(scenario())
    there = {record["seq"]: record.get("request_id") for record in read(tmp_path)}
    assert [there[seq] for seq in (new, plain, first) if isinstance(seq, int)] == [
        "mcpr_new",
        None,
        "mcpr_first",
    ]
    assert isinstance(old, AlreadyDecided)
    assert old.seq == 40
    assert isinstance(again, AlreadyDecided)
    assert again.seq == first


def test_a_key_that_cannot_be_older_is_not_looked_for_but_never_written_twice(tmp_path: Path) -> None:
    written(tmp_path, [keyed("mcpr_1"), note(), note()])
    path = tmp_path / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"outcome":"human_allow"', b'"outcome":"human_allow ', 1))

    async def scenario() -> None:
        async with AuditLog.open(tmp_path, mask=MASK) as log:
            fresh = replace(keyed("mcpr_2"), new_key=True)
            assert await log.append(fresh) == 5
            with pytest.raises(AlreadyDecided):
                await log.append(fresh)
            with pytest.raises(AuditCorrupt, match="audit verify"):
                await log.append(keyed("mcpr_1"))

    asyncio.run(scenario())


def test_the_index_of_decisions_is_small_and_tells_where_lines_begin() -> None:
    index = DecisionIndex()
    line = b'{"prev":"","type":"decision","decision_key":"%b","arguments":{"decision_key":"nested"}}\n'
    first = line % "on\u00e9".encode()
    index.scan(first + b'{"a":{"decision_key":"no"}}\n' + line % b'tw\\"o', 1_000)
    assert index.offsets("on\u00e9") == [1_000]
    assert index.offsets('tw"o') == [1_000 + len(first) + 28]
    assert not [*index.offsets("nested"), *index.offsets("no")]
    with pytest.raises(AuditCorrupt):
        index.scan(b'{"a":{"decision_key":"no"\n', 0)


def test_the_engines_record_types_have_names() -> None:
    assert {"server_silent", "recovery", "intent"} <= set(RecordType)
