"""Credentials stay out of the log: known ones everywhere, others by their name or look."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcpbridge.audit import FlawKind, MemoryAudit, blob_text, read, verify
from mcpbridge.audit.looks import dense, secret_name, secret_parts
from mcpbridge.core.action import Action
from mcpbridge.core.question import screen
from mcpbridge.core.ruling import Effect, Ruling
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.errors import AlreadyDecided
from mcpbridge.ports import Record

from .logs import MASK, decision, encoded, keyed, written

_RANDOM = "q7Zr9TfLw2XcV4bNm8Kd3HsJ"
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
_PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow-IBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "name",
    ["password", "user_password", "dbPasswd", "api_key", "apiKey", "X-API-Key", "Authorization",
     "accessToken", "refresh_token", "client_secret", "secret", "private-key", "Set-Cookie",
     "AWS_SECRET_ACCESS_KEY", "pwd"],
)  # fmt: skip
def test_values_under_a_secrets_name_are_hidden_at_any_depth(name: str) -> None:
    record, line = encoded(decision(arguments={"outer": [{name: {"a": "hunter2", "b": [12345], "c": None}}]}))
    hidden = record["arguments"]["outer"][0][name]
    assert set(hidden["a"]) == set(hidden["b"][0]) == {"hmac", "key"}
    assert hidden["c"] is None
    assert b"hunter2" not in line
    assert b"12345" not in line


@pytest.mark.parametrize(
    "name", ["max_tokens", "tokenizer", "secretary", "author", "key", "keyboard", "path", "x" * 300]
)
def test_ordinary_names_are_not_taken_for_secrets(name: str) -> None:
    assert not secret_name(name)


def test_a_named_pair_hides_its_value() -> None:
    headers = [{"name": "Authorization", "value": "swordfish"}, {"name": "Accept", "value": "text/html"}]
    record, line = encoded(decision(arguments={"headers": headers}))
    assert b"swordfish" not in line
    assert record["arguments"]["headers"][1] == {"name": "Accept", "value": "text/html"}


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop1234", "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "github_pat_11ABCDEFG0abcdefghijkl", "glpat-abcdefghijklmnopqrst", "xoxb-1234567890-abcdef",
        "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "AIzaSyA-1234567890abcdefghijklmnopqrstu",
        _JWT, _PEM,
    ],
)  # fmt: skip
def test_a_credentials_shape_is_hidden_alone_within_a_text_and_as_a_key(secret: str) -> None:
    arguments = {"alone": secret, "within": f"use {secret} please", f"key {secret}": 1}
    record, line = encoded(decision(arguments=arguments, error=f"cannot log in with {secret}"))
    text = line.decode() + json.dumps(record, ensure_ascii=False)
    assert secret not in text
    assert json.dumps(secret)[1:-1] not in text
    assert set(record["arguments"]["alone"]) == {"hmac", "key"}
    assert record["arguments"]["within"].startswith("use [hmac:")
    assert record["arguments"]["within"].endswith("] please")


@pytest.mark.parametrize("secret", ["Bearer abc12345", "basic dXNlcjpwYXNz0"])
def test_a_credential_of_a_scheme_is_hidden_and_the_scheme_stays(secret: str) -> None:
    arguments = {"alone": secret, "within": f"use {secret} please", f"key {secret}": 1}
    record, line = encoded(decision(arguments=arguments, error=f"cannot log in with {secret}"))
    scheme, _, token = secret.partition(" ")
    assert token.encode() not in line
    kept = record["arguments"]
    assert kept["alone"].startswith(f"{scheme} [hmac:")
    assert kept["within"] == f"use {kept['alone']} please"
    assert list(kept)[2] == f"key {kept['alone']}"
    assert record["error"] == f"cannot log in with {kept['alone']}"


@pytest.mark.parametrize(
    "text",
    [
        "postgres://admin:hunter22@db/x",
        "curl -d password=hunter22",
        "API_KEY: 'hunter22'",
        "?token=hunter22&a=1",
    ],
)
def test_a_credential_inside_a_command_or_address_is_hidden(text: str) -> None:
    _, line = encoded(decision(arguments={"command": text, "list": [text]}))
    assert b"hunter22" not in line
    assert b"[hmac:" in line
    record, line = encoded(
        Record(type="outcome", fields={"error": f"failed: {text}", "more": [{text: text}, 1]})
    )
    assert b"hunter22" not in line
    assert record["error"].startswith("failed: ")
    assert "[hmac:" in record["error"]


def test_long_random_tokens_are_hidden_and_ordinary_long_words_are_not() -> None:
    assert dense(_RANDOM)
    for ordinary in (
        hashlib.sha256(b"").hexdigest(), "src/Components/UserProfile2/IndexPage", 
        "AVeryLongCamelCaseIdentifier42", "a sentence with spaces 123 ABC",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6", "short", "x" * 600,
    ):  # fmt: skip
        assert not dense(ordinary), ordinary
    record, line = encoded(decision(arguments={"value": _RANDOM, _RANDOM: 1}))
    assert set(record["arguments"]["value"]) == {"hmac", "key"}
    assert _RANDOM.encode() not in line


def test_what_was_hidden_in_the_arguments_is_hidden_in_the_other_fields_too() -> None:
    _, line = encoded(decision(arguments={"password": "hunter22"}, reason="no: hunter22 is too weak"))
    assert b"hunter22" not in line


@pytest.mark.parametrize(
    "hostile",
    ["eyJ", "eyJaaaaaaaa.", "token=", "token = ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "@://a:",
     "@://", "Bearer ", "basic a", "sk-", "ghp_", "api-key", "password\"", "xoxb-"],
)  # fmt: skip
def test_looking_for_secrets_takes_time_linear_in_the_text(hostile: str) -> None:
    """Were it not linear, whoever waits here would see it."""
    text = hostile * (500_000 // len(hostile))
    assert all(part in text for part in secret_parts(text))


def test_known_secrets_are_masked_in_every_place() -> None:
    mask = Mask([Secret("Bearer swordfish-1"), Secret('quo"ted\nsecret'), Secret("20251121")])
    everything: dict[str, Any] = {
        "reason": "swordfish-1", "swordfish-1": 1, "list": [{"a": 'x quo"ted\nsecret x'}],
        "error": "line\nswordfish-1", "result_size": 20251121, "deep": {"ok": True, "n": None, "f": [2.5]},
    }  # fmt: skip
    record = decision(arguments={"q": "swordfish-1", "n": 20251121}, **everything)
    record = replace(record, decision_key="swordfish-1", blobs=("shown: swordfish-1",))
    audit = MemoryAudit(mask=mask)
    asyncio.run(audit.append(record))
    [line] = audit.lines
    for known in (b"swordfish-1", b"quo", b"20251121"):
        assert known not in line.partition(b'"type"')[2]
    assert all("swordfish-1" not in text for text in audit.blobs.values())
    assert audit.records[0]["deep"]["ok"] is True


def test_a_type_of_any_text_is_one_json_string() -> None:
    record, _ = encoded(Record(type='odd "type"\n'))
    assert record["type"] == 'odd "type"\n'


def test_a_masked_question_is_still_decided_once() -> None:
    mask = Mask([Secret("mcpr_secret")])
    audit = MemoryAudit(mask=mask)
    asyncio.run(audit.append(keyed("mcpr_secret")))
    asyncio.run(audit.append(keyed("mcpr_secret_2")))
    assert audit.records[0]["decision_key"].startswith("[hmac:")
    asyncio.run(audit.append(keyed("mcpr_later_known")))
    mask.add([Secret("later_known")])
    for request_id in ("mcpr_secret", "mcpr_later_known"):
        with pytest.raises(AlreadyDecided):
            asyncio.run(audit.append(keyed(request_id)))


def test_levels_decide_tool_by_tool_and_the_first_pattern_that_fits_wins() -> None:
    levels = {"docs.search": "arguments", "docs.*": "metadata", "*": "none"}

    def kept(label: str, tool: str) -> set[str]:
        record, _ = encoded(decision(server_label=label, tool=tool), levels=levels)
        return {name for name in record if name.startswith("arguments")}

    assert kept("docs", "search") == {"arguments", "arguments_hmac", "arguments_size"}
    assert kept("docs", "write") == {"arguments_hmac", "arguments_size"}
    assert kept("mail", "send") == set()


def test_the_hmac_of_arguments_does_not_depend_on_the_order_of_their_keys() -> None:
    audit = MemoryAudit(key=b"k" * 32)
    for arguments in ({"a": 1, "b": "é"}, {"b": "é", "a": 1}, {"a": 2, "b": "é"}):
        asyncio.run(audit.append(decision(arguments=arguments)))
    first, second, third = (record["arguments_hmac"] for record in audit.records)
    assert first == second != third
    assert audit.records[0]["arguments_size"] == len('{"a":1,"b":"é"}'.encode())
    assert list(audit.records[1]["arguments"]) == ["b", "a"], "as the model wrote them"


def test_keys_of_several_types_have_an_hmac_too() -> None:
    record, _ = encoded(decision(arguments={1: "a", "b": 2}))
    assert record["arguments"] == {"1": "a", "b": 2}


def _asked(arguments: dict[str, Any]) -> tuple[Record, str]:
    action = Action(
        request_id="mcpr_1", server_label="docs", tool="search", via="hosted", arguments=arguments,
        raw_arguments="",
    )  # fmt: skip
    shown = screen(action, Ruling(effect=Effect.ASK, outcome=None, reason=""), principal="ci-bot")
    name = hashlib.sha256(shown.encode()).hexdigest()
    record = decision(
        arguments=arguments, screen_hash=name, policy_hash=hashlib.sha256(b"policy").hexdigest()
    )
    return replace(record, blobs=(shown, "policy", "policy")), name


def test_the_screen_a_person_saw_is_kept_by_its_hash(tmp_path: Path) -> None:
    record, name = _asked({"query": "certificates"})
    written(tmp_path, [record])
    [found] = read(tmp_path, types=["decision"])
    assert found["blobs"] == [name, found["policy_hash"]]
    assert blob_text(tmp_path, name) == record.blobs[0]
    assert blob_text(tmp_path, found["policy_hash"]) == "policy"


@pytest.mark.parametrize(
    "arguments",
    [
        {"password": "hunter22"},
        {"password": 'a"\u202eb\nc-long'},
        {"pwd": "ab1"},
        {"command": "password=hunter22"},
    ],
)
def test_a_screen_that_shows_a_hidden_value_is_kept_without_it(tmp_path: Path, arguments: Any) -> None:
    record, name = _asked(arguments)
    written(tmp_path, [record])
    [found] = read(tmp_path, types=["decision"])
    shown = found["screen_hash"]
    assert shown != name, "the plain hash of what the person saw would confirm a guess"
    stored = found["blobs_masked"][shown]
    assert found["blobs"][0] == stored
    text = blob_text(tmp_path, stored)
    assert text
    assert "[hmac:" in text
    for value in arguments.values():
        assert json.dumps(value, ensure_ascii=False) not in text
    assert verify(tmp_path).exit_code == 3


def test_a_screen_that_shows_the_beginning_of_a_long_secret_is_not_kept(tmp_path: Path) -> None:
    record, name = _asked({"password": "hunter-" * 1_000})
    written(tmp_path, [record])
    [found] = read(tmp_path, types=["decision"])
    assert found["blobs_withheld"] == [found["screen_hash"]]
    assert name not in json.dumps(found)
    assert blob_text(tmp_path, name) is None


@pytest.mark.parametrize("level", ["metadata", "none"])
def test_below_level_arguments_only_policies_and_definitions_are_kept(tmp_path: Path, level: str) -> None:
    record, name = _asked({"query": "certificates"})
    written(tmp_path, [record], levels={"*": level})
    [found] = read(tmp_path, types=["decision"])
    assert found["blobs"] == [found["policy_hash"]]
    assert found["blobs_withheld"] == [found["screen_hash"]]
    assert name not in json.dumps(found)


def test_a_missing_or_altered_text_is_found_by_verify(tmp_path: Path) -> None:
    record, name = _asked({"query": "certificates"})
    written(tmp_path, [record, record])
    blob = tmp_path / "blobs" / name
    good = blob.read_bytes()
    blob.write_bytes(b"something else")
    result = verify(tmp_path)
    assert (result.exit_code, result.flaws[0].kind) == (1, FlawKind.BLOB_ALTERED)
    assert name in str(result)
    assert result.flaw_count == 1
    assert str(result).endswith("was altered (1 other record refers to it too)")
    assert blob_text(tmp_path, name) is None
    blob.unlink()
    assert verify(tmp_path).flaws[0].kind is FlawKind.BLOB_MISSING
    blob.write_bytes(good)
    assert verify(tmp_path).exit_code == 3
    assert blob_text(tmp_path, "../audit.jsonl") is None


def test_a_text_that_was_altered_on_disk_is_written_again_when_it_is_needed(tmp_path: Path) -> None:
    record, name = _asked({"query": "certificates"})
    written(tmp_path, [record])
    (tmp_path / "blobs" / name).write_bytes(b"something else")
    written(tmp_path, [record])
    assert blob_text(tmp_path, name) == record.blobs[0]


def test_texts_with_lone_surrogates_are_kept_too(tmp_path: Path) -> None:
    written(tmp_path, [Record(type="policy_loaded", blobs=("a\ud800b",))], mask=MASK)
    [found] = read(tmp_path, types=["policy_loaded"])
    assert blob_text(tmp_path, found["blobs"][0]) == "a\ud800b"
