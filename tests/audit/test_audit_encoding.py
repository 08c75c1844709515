"""Any field value becomes one safe line; what is lost on the way is marked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.audit import MemoryAudit
from mcpbridge.audit.chain import flaw_of
from mcpbridge.audit.plain import encode_plain
from mcpbridge.core.secret import Secret
from mcpbridge.errors import AlreadyDecided
from mcpbridge.ports import Record

from .logs import FixedClock, decision, encoded, keyed, note


class _Hostile(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for number in range(levels):
        value = [value] if number % 2 else {"next": value}
    return value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\ud800b", "a\\ud800b"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (10**400, str(10**400)),
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (10**5_000, f"{10**5_000:#x}"[:2_000]),
        (b"bytes", "[bytes]"),
        ({1, 2}, "[set]"),
        (object(), "[object]"),
        (_Hostile(), "[unreadable]"),
        ({"\udc80": 1}, {"\\udc80": 1}),
        ({(1, 2): 3}, {"[tuple]": 3}),
        ({None: 1, "a": object()}, {"None": 1, "a": "[object]"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_json_does_not_have_is_replaced_and_marked(value: Any, written: Any) -> None:
    record, line = encoded(decision(arguments={"value": value}))
    assert record["arguments"] == {"value": written}
    assert record["sanitized"] is True
    assert flaw_of(line, number=1, seq=1, prev="0" * 64) is None


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        2**64 - 1,
        -(2**63),
        1e22,
        1.5,
        True,
        None,
        "",
        "é漢😀",
        [],
        {},
        "9" * 30,
        ["[" * 100],
        "{" * 100,
    ],
)
def test_a_value_that_json_has_is_kept_as_it_is(value: Any) -> None:
    record, _ = encoded(decision(arguments={"value": value}))
    assert record["arguments"] == {"value": value}
    assert "sanitized" not in record


def test_other_plain_types_are_written_without_loss() -> None:
    fields = {
        "mapping": MappingProxyType({"a": (1, 2)}),
        "moment": datetime(2025, 11, 21, tzinfo=UTC),
        "credential": Secret("swordfish"),
    }
    record, _ = encoded(Record(type="config_loaded", fields=fields))
    assert record["mapping"] == {"a": [1, 2]}
    assert record["moment"] == "2025-11-21T00:00:00+00:00"
    assert record["credential"] == "[secret]"
    assert "sanitized" not in record


def test_nesting_is_kept_to_64_levels_and_cut_below() -> None:
    record, _ = encoded(decision(arguments=_deep(64)))
    assert record["arguments"] == _deep(64)
    assert "sanitized" not in record
    for levels in (66, 5_000):
        record, line = encoded(decision(arguments=_deep(levels)))
        assert record["sanitized"] is True
        assert b"[nested deeper than 64 levels]" in line
        assert b"bottom" not in line


def test_values_that_contain_themselves_come_to_an_end() -> None:
    own: list[Any] = [1]
    own.append(own)
    record, line = encoded(decision(arguments={"value": own}))
    assert record["sanitized"] is True
    assert b"[nested deeper than 64 levels]" in line


def test_shared_values_do_not_unfold_without_end() -> None:
    shared: Any = "leaf"
    for _ in range(40):
        shared = [shared, shared]
    text, _, lost = encode_plain([object(), shared], most=1_000)
    assert lost
    assert "[too many values]" in text


def test_no_character_of_a_line_breaks_it_moves_the_cursor_or_reorders_text() -> None:
    nasty = "".join(
        map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x2028, 0x2029, 0x202E, 0x2066, 0xFEFF])
    )
    record, line = encoded(decision(arguments={nasty: nasty}, reason=nasty))
    assert record["arguments"] == {nasty: nasty}
    assert record["reason"] == nasty
    assert "sanitized" not in record
    assert line.decode().isprintable()
    assert len(line.decode().splitlines()) == 1


def test_a_field_cannot_take_the_place_of_what_the_log_writes_itself() -> None:
    record, _ = encoded(decision(seq=99, crc="x", decision_key="mcpr_1"))
    assert (record["seq"], record["seq_"], record["crc_"]) == (1, 99, "x")
    assert record["decision_key_"] == "mcpr_1"
    assert record["sanitized"] is True


def test_arguments_up_to_a_megabyte_are_kept_and_larger_fields_become_size_and_hash() -> None:
    record, _ = encoded(decision(arguments={"text": "x y " * 249_000}))
    assert record["arguments"]["text"] == "x y " * 249_000
    record, line = encoded(decision(arguments={"text": "x y " * 260_000}, reason="é" * 1_000_001))
    assert record["arguments"]["size"] == 1_040_011
    assert record["reason"]["size"] == 2_000_004
    assert len(record["reason"]["sha256"]) == 64
    assert record["sanitized"] is True
    assert len(line) < 2_000
    record, _ = encoded(note("x" * 999_990))
    assert "sanitized" not in record


def test_the_time_is_utc_and_of_fixed_width() -> None:
    def stamp(moment: datetime) -> str:
        audit = MemoryAudit(clock=FixedClock(moment))
        asyncio.run(audit.append(note()))
        return str(audit.records[0]["ts"])

    assert stamp(datetime(2025, 11, 21, 12, tzinfo=UTC)) == "2025-11-21T12:00:00.000000Z"
    east = timezone(timedelta(hours=2))
    assert stamp(datetime(2025, 11, 21, 12, 0, 0, 5, tzinfo=east)) == "2025-11-21T10:00:00.000005Z"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _json), _json)
def test_any_fields_become_a_line_that_reads_back(fields: dict[str, Any], arguments: Any) -> None:
    audit = MemoryAudit()
    record = Record(type="decision", fields={**fields, "arguments": arguments})
    assert asyncio.run(audit.append(record)) == 1
    [line] = audit.lines
    assert flaw_of(line, number=1, seq=1, prev="0" * 64) is None
    assert json.loads(line) == audit.records[0]


def test_memory_keeps_the_chain_the_texts_and_the_first_decision() -> None:
    audit = MemoryAudit()

    async def scenario() -> None:
        await audit.append(Record(type="policy_loaded", blobs=("rules",)))
        await audit.append(keyed("mcpr_1", "human_deny"))
        with pytest.raises(AlreadyDecided) as refused:
            await audit.append(keyed("mcpr_1"))
        assert (refused.value.outcome, refused.value.seq) == ("human_deny", 2)
        assert await audit.append(note()) == 3

    asyncio.run(scenario())
    assert [record["seq"] for record in audit.records] == [1, 2, 3]
    assert [audit.blobs[name] for name in audit.records[0]["blobs"]] == ["rules"]
