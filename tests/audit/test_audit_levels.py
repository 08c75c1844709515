"""Levels, and secrets by declaration: what the log keeps of a call is decided tool by tool."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from mcpbridge.audit import DeclaredSecrets, MemoryAudit
from mcpbridge.audit.redact import Redactor
from mcpbridge.errors import UsageError
from mcpbridge.ports import Record

from .logs import decision

KEY = b"k" * 32
HMAC = Redactor(KEY).hmac
PIN = DeclaredSecrets(tool="bank.*", fields=("pin",))
ARGUMENTS = {"to": "ada@example.com", "pin": 1234, "note": "for the pin=1234 account"}


def line_of(record: Record, *, level: str = "arguments", **more: Any) -> tuple[dict[str, Any], bytes]:
    audit = MemoryAudit(key=KEY, levels={"*": level}, allow_full=True, **more)
    asyncio.run(audit.append(record))
    return audit.records[0], audit.lines[0]


def asked(arguments: Any, screen: str = "", **fields: Any) -> Record:
    shown = hashlib.sha256(screen.encode()).hexdigest()
    about = {"server_label": "bank", "tool": "pay", "screen_hash": shown}
    return replace(decision(arguments=arguments, **about, **fields), blobs=(screen,) if screen else ())


@pytest.mark.promise("audit-levels")
def test_metadata_keeps_hmacs_only_of_the_whole_and_of_each_value() -> None:
    record, line = line_of(asked(ARGUMENTS, reason="not to ada@example.com"), level="metadata")
    assert b"ada@example.com" not in line
    assert record["leaf_hmacs"] == [HMAC(str(value)) for value in ARGUMENTS.values()]
    assert (record["level"], record["hmac_key"]) == ("metadata", Redactor(KEY).key_id)
    assert not {"arguments", "to", "pin"} & record.keys()


def test_of_very_many_values_the_rest_is_counted() -> None:
    record, _ = line_of(asked({"many": [f"value {number}" for number in range(300)]}), level="metadata")
    assert (len(record["leaf_hmacs"]), record["leaf_hmacs_omitted"]) == (256, 44)


@pytest.mark.promise("audit-levels")
def test_none_keeps_nothing_of_the_arguments_not_even_in_a_reason() -> None:
    record, line = line_of(asked(ARGUMENTS, reason="no: ada@example.com"), level="none")
    assert b"ada@example.com" not in line
    assert record["level"] == "none"
    assert not [name for name in record if name.startswith(("arguments", "leaf"))]


@pytest.mark.promise("audit-levels")
@pytest.mark.parametrize("level", ["none", "metadata", "arguments", "sealed", "full"])
def test_what_came_back_is_kept_whole_at_full_only(level: str) -> None:
    about = {"server_label": "bank", "tool": "pay", "via": "hosted", "request_id": "mcpr_1"}
    came = {"result": "paid from account 4711", "error": "http_error 502: account 4711"}
    more: dict[str, Any] = {}
    if level == "sealed":
        pyrage: Any = pytest.importorskip("pyrage")
        more = {"recipients": [str(pyrage.x25519.Identity.generate().to_public())]}
    record, line = line_of(Record(type="outcome", phase="post", fields=about | came), level=level, **more)
    if level == "full":
        assert (record["result"], record["error"]) == (came["result"], came["error"])
    else:
        assert b"4711" not in line
        assert record["error"]["code"] == "http_error 502"


def test_full_must_be_allowed_and_is_marked_in_each_line() -> None:
    with pytest.raises(UsageError, match="allow_full: true"):
        MemoryAudit(levels={"bank.*": "full"})
    record, _ = line_of(asked(ARGUMENTS), level="full")
    assert (record["level"], record["arguments"]) == ("full", ARGUMENTS)


def test_a_sink_is_given_results_only_of_tools_that_keep_them() -> None:
    audit = MemoryAudit(levels={"bank.*": "full"}, allow_full=True)
    assert (audit.keeps_results("bank.pay"), audit.keeps_results("docs.read")) == (True, False)


@pytest.mark.promise("audit-levels")
@pytest.mark.parametrize("pin", [1234, "1234", "hunter2 with spaces", ["12", {"deep": 345}]])
def test_a_declared_field_is_hidden_at_any_depth_and_in_the_screen(pin: Any) -> None:
    screen = f"bank.pay\n  pin  {json.dumps(pin)}\n  to   ada"
    record, line = line_of(asked({"outer": [{"pin": pin}], "to": "ada"}, screen), secrets=[PIN])
    leaves = [leaf for leaf in ("1234", "hunter2", "345") if leaf in json.dumps(pin)]
    assert leaves
    for leaf in leaves:
        assert f'"{leaf}"'.encode() not in line
        assert HMAC(leaf if leaf != "hunter2" else str(pin)).encode() in line
    assert hashlib.sha256(screen.encode()).hexdigest().encode() not in line, "it would confirm a guess"
    assert record["arguments"]["to"] == "ada"


def test_a_screen_with_a_declared_number_is_kept_without_it() -> None:
    audit = MemoryAudit(secrets=[PIN])
    asyncio.run(audit.append(asked({"pin": 1234}, "  pin  1234\n  year 12345")))
    [stored] = audit.blobs.values()
    assert "1234\n" not in stored
    assert "12345" in stored
    assert audit.records[0]["blobs_masked"][audit.records[0]["screen_hash"]] in audit.blobs


@pytest.mark.parametrize(
    ("field", "hidden"),
    [("card.number", True), ("*.number", True), ("cards.number", False), ("number", True), ("n?mber", True),
     ("card", True), ("Number", False), ("card.number.x", False)],
)  # fmt: skip
def test_a_field_is_a_name_anywhere_or_the_way_to_it(field: str, hidden: bool) -> None:
    secrets = [DeclaredSecrets(tool="bank.pay", fields=(field,))]
    record, line = line_of(asked({"card": [{"number": "4000 0012"}]}), secrets=secrets)
    assert (b"4000 0012" not in line) is hidden
    assert "card" in record["arguments"]


def test_declarations_are_for_their_tools_only() -> None:
    _, line = line_of(asked({"pin": "1234"}), secrets=[DeclaredSecrets(tool="mail.*", fields=("pin",))])
    assert b'"pin":"1234"' in line


@pytest.mark.parametrize(
    "arguments",
    [
        {"body": '{"pin": 1234, "to": "ada"}'},
        {"command": "pay --pin=1234"},
        {"url": "https://bank.test/pay?pin=1234"},
        {"malformed": '{"p\\u0069n": 1234,'},
    ],
)
def test_a_declared_field_inside_a_text_hides_the_whole_text(arguments: dict[str, str]) -> None:
    _, line = line_of(asked(arguments), secrets=[PIN])
    assert b"1234," not in line
    assert b"=1234" not in line


def test_fingerprints_are_keyed_and_still_compare() -> None:
    plain = hashlib.sha256(b"call").hexdigest()
    first, _ = line_of(decision(fingerprint=plain))
    second, _ = line_of(decision(edited_from=plain))
    assert first["fingerprint"] == second["edited_from"] != plain
