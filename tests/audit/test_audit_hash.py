"""`audit hash` finds a secret that was only a part of a text, by itself and with what stood around it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from mcpbridge.audit.hashed import Search
from mcpbridge.audit.keys import hiding_keys
from mcpbridge.audit.redact import Redactor

from .logs import decision, encoded, written

SECRET = "hunter2Secret99"
BASIC = base64.b64encode(f"ada:{SECRET}".encode()).decode()


def found(log: Path, value: str) -> list[str]:
    return [one.found.partition(" (")[0] for one in Search(log, value, keys=hiding_keys(log)).found()]


@pytest.mark.promise("audit-hash")
@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}", f"my password: {SECRET}", f'{{"API_KEY": "{SECRET}"}}', f"?token={SECRET}&a=1",
        f"Authorization: Bearer {SECRET}", f"token: Bearer {SECRET}", f"https://ada:{SECRET}@host/x",
        f"https://{SECRET}:@host/x and https://{SECRET}:x@host/y", f"it is password: {SECRET}.",
        f"(password: `{SECRET}`)", f"password={SECRET}, which is to say {SECRET}",
    ],
)  # fmt: skip
def test_a_secret_within_a_text_is_found_by_itself(text: str, tmp_path: Path) -> None:
    record = decision(arguments={"text": text, text: 1}, reason=f"no: {text}")
    _, line = encoded(record)
    assert SECRET.encode() not in line
    written(tmp_path, [record, decision(arguments={"text": "password=another-secret"})])
    assert found(tmp_path, SECRET) == ["hidden"]
    assert found(tmp_path, text) == ["hidden"]
    assert found(tmp_path, SECRET[:-1]) == found(tmp_path, SECRET + "x") == []


def test_a_basic_credential_is_found_by_the_name_and_password_that_it_is_made_of(tmp_path: Path) -> None:
    written(tmp_path, [decision(arguments={"header": f"Authorization: Basic {BASIC}"})])
    assert found(tmp_path, f"ada:{SECRET}") == found(tmp_path, BASIC) == ["hidden"]


def test_the_credential_of_an_address_is_found_whole_too(tmp_path: Path) -> None:
    written(tmp_path, [decision(arguments={"url": f"https://ada:{SECRET}@host/x"})])
    assert found(tmp_path, f"ada:{SECRET}") == ["hidden"]
    assert found(tmp_path, f"eve:{SECRET}") == []


@pytest.mark.promise("audit-hash")
@pytest.mark.parametrize(
    "part",
    [f"password={SECRET}", f"Password: {SECRET}", f'api_key": "{SECRET}', f"API-KEY='{SECRET}",
     f"apiKey = {SECRET}", f"token: {SECRET}.", f"Bearer {SECRET}", f"basic {BASIC}"],
)  # fmt: skip
def test_a_secret_is_found_where_an_older_record_hid_what_tells_of_it_too(part: str, tmp_path: Path) -> None:
    written(tmp_path, [decision()])
    [key] = hiding_keys(tmp_path).values()
    written(tmp_path, [decision(arguments={"text": f"use {Redactor(key).part(part)} please"})])
    assert found(tmp_path, f"ada:{SECRET}" if BASIC in part else SECRET) == ["hidden"]
    assert found(tmp_path, part) == ["hidden"]


def test_a_plain_word_after_what_tells_of_a_secret_is_hidden_there_and_stays_elsewhere() -> None:
    text = "interface Login { password: string; name: string }"
    record, _ = encoded(decision(arguments={"text": text}, reason=f"a string: {text}"))
    kept = record["arguments"]["text"]
    assert kept.startswith("interface Login { password: [hmac:")
    assert kept.endswith("]; name: string }")
    assert record["reason"].startswith("a string: interface")
    assert record["reason"].endswith("]; name: string }")
    assert "password: string" not in record["reason"]


def test_a_secret_that_stands_within_its_own_repetition_leaves_no_piece() -> None:
    _, line = encoded(
        decision(arguments={"text": "x1password=x1password=x1", "other": "a https://1:22@1:221:22"})
    )
    assert b"x1" not in line
    assert b"22@" not in line
