"""A secret shows nowhere but where it is revealed, and is masked where somebody echoes it."""

from __future__ import annotations

import base64
import copy
import json
import pickle
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.secret import MASK, Mask, Secret

TOKEN = 'sk/"qüote"+back\\slash'


def masking(*values: str) -> Mask:
    return Mask([Secret(value) for value in values])


def test_a_secret_shows_only_when_it_is_revealed() -> None:
    secret = Secret(TOKEN)
    assert secret.reveal() == TOKEN
    for text in (repr(secret), str(secret), f"{secret}", repr([secret])):
        assert TOKEN not in text


def test_a_secret_equals_secrets_only() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize("leak", [json.dumps, pickle.dumps, copy.copy])
def test_a_secret_is_never_saved_or_copied(leak: object) -> None:
    with pytest.raises(TypeError):
        leak(Secret("a"))  # type: ignore[operator]  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    "spelled",
    [
        TOKEN,
        json.dumps(TOKEN),
        json.dumps(TOKEN, ensure_ascii=False),
        json.dumps(json.dumps(TOKEN, ensure_ascii=False), ensure_ascii=False),
        json.dumps(TOKEN, ensure_ascii=False).replace("/", "\\/"),
        f"https://x.test/?q={quote(TOKEN, safe='')}",
        f"https://x.test/{quote(TOKEN)}",
        f"https://x.test/?q={quote_plus(TOKEN)}",
    ],
)
def test_a_secret_is_masked_however_it_is_spelled(spelled: str) -> None:
    mask = masking(TOKEN)
    assert mask.found_in(spelled)
    masked = mask.text(f"before {spelled} after")
    assert "qüote" not in masked
    assert "slash" not in masked
    assert MASK in masked


def test_the_credential_behind_a_scheme_is_masked_alone_too() -> None:
    mask = masking("Bearer abc123def")
    assert mask.text("Authorization: Bearer abc123def; token=abc123def") == (
        f"Authorization: {MASK}; token={MASK}"
    )


def test_words_too_short_to_protect_anything_are_left_alone() -> None:
    assert masking("abc", "Basic ab").text("abc ab") == "abc ab"


def test_the_longest_secret_is_masked_first() -> None:
    assert masking("canary", "canary-and-more").text("canary-and-more, canary") == f"{MASK}, {MASK}"


def test_a_value_is_masked_through_and_through_keys_too() -> None:
    value = {"a": ["x hunter22", ("hunter22",)], "hunter22": {"n": 1, "b": None, "t": True}}
    assert masking("hunter22").value(value) == {
        "a": [f"x {MASK}", [MASK]],
        MASK: {"n": 1, "b": None, "t": True},
    }


def test_a_mask_only_grows() -> None:
    mask = masking("first-secret")
    mask.add([Secret("second-secret")])
    assert mask.text("first-secret second-secret") == f"{MASK} {MASK}"


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("nothing", 0), ("say hun", 3), ("hunter2", 7), ("hunter22", 0), ("h", 1)]
)
def test_an_open_end_is_what_could_become_a_secret(text: str, size: int) -> None:
    assert masking("hunter22").open_end(text) == size


@given(st.text(alphabet="abhunter2 ", max_size=30), st.integers(1, 5))
def test_a_stream_held_back_at_its_open_end_shows_no_secret(text: str, size: int) -> None:
    mask, held, shown = masking("hunter22"), "", ""
    whole = f"{text}hunter22{text}"
    for start in range(0, len(whole), size):
        held = mask.text(held + whole[start : start + size])
        cut = len(held) - mask.open_end(held)
        shown, held = shown + held[:cut], held[cut:]
    assert "hunter22" not in shown + mask.text(held)


@pytest.mark.parametrize(
    "spelled",
    [
        "ab\\u002Bcd/ef==12",
        "ab\\u002bcd\\/ef\\u003D\\u003d12",
        "ab\\\\u002Bcd\\\\/ef==12",
        "ab%2bcd%2Fef%3d%3D12",
        "%61%62%2Bcd/ef==12",
        "ab\\u002Bcd%2fef==12",
    ],
)
def test_a_secret_is_masked_behind_any_mixture_of_escapes(spelled: str) -> None:
    mask = masking("ab+cd/ef==12")
    assert mask.found_in(spelled)
    assert mask.text(f'\\u00e9 {spelled}, 100% \\\\ "{spelled}"') == f'\\u00e9 {MASK}, 100% \\\\ "{MASK}"'
    assert not mask.rules_out(f'{{"a": "{spelled}"}}')


def test_text_with_escapes_and_no_secret_stays_as_it_is() -> None:
    text = "100%41 \\u0041 \\/ \\\\ %c3%28 \\ud83d \\ud83d\\ude00"
    assert masking("canary-1").text(text) == text


def test_a_long_run_of_backslashes_takes_no_time() -> None:
    mask = masking("canary-1\\\\x")
    assert not mask.found_in("\\" * 1_000_000 + "u12")


@given(st.text(alphabet='ab+/=%\\"ü😀1', min_size=6, max_size=12), st.booleans(), st.text(max_size=5))
def test_whatever_json_writes_a_secret_like_it_is_found(value: str, ascii_only: bool, around: str) -> None:
    mask = masking(value)
    text = json.dumps({"a": [f"{around} {value}{around}"]}, ensure_ascii=ascii_only)
    assert not mask.rules_out(text)
    assert mask.holds(text)
    assert value.strip() not in mask.value(json.loads(text))["a"][0]


def test_the_parts_of_a_secret_are_masked_alone() -> None:
    mask = Mask([Secret("key=canary-1", parts=[Secret("canary-1")])])
    assert mask.text("key=canary-1 canary-1") == f"{MASK} {MASK}"


def test_a_secret_is_masked_where_it_stands_as_a_number() -> None:
    mask = masking("998877", "12345.5", "not-a-number", "true-ish")
    assert mask.value([998877, 998877.0, 12345.5, True, 1, None]) == [MASK, MASK, MASK, True, 1, None]
    assert mask.holds('{"pin": 9.98877e5}')
    assert not mask.holds('{"pin": 9.9e5}')
    assert not mask.rules_out("{}")


@pytest.mark.parametrize("broken", ['{"a": 1', "[" * 100_000, "1" * 5_000])
def test_text_that_is_no_json_is_looked_at_as_text(broken: str) -> None:
    assert not masking("998877").holds(broken)
    assert masking("998877").holds(f"998877 {broken}")


@pytest.mark.parametrize(
    ("text", "size"), [("say hun\\u00", 7), ("hun%7", 5), ("x\\", 1), ("x%2", 2), ("hun\\u0074", 9)]
)
def test_an_escape_that_has_begun_is_an_open_end(text: str, size: int) -> None:
    assert masking("hunter22").open_end(text) == size


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_base64_is_masked_at_any_alignment(before: str, alphabet: Any) -> None:
    secret = "c4nary?>secret~~"
    mask = Mask([Secret(secret)])
    text = alphabet(f"{before}{secret}:more".encode()).decode()
    assert mask.found_in(text)
    assert MASK in mask.text(f"Basic {text}")
    assert not mask.found_in(alphabet(b"something else entirely").decode())


@pytest.mark.parametrize("written", [b"swordfish-1".hex(), b"swordfish-1".hex().upper(), "1-hsifdrows"])
def test_a_secret_in_hexadecimal_or_backwards_is_masked(written: str) -> None:
    mask = Mask([Secret("Bearer swordfish-1")])
    assert mask.text(f"see {written}!") == f"see {MASK}!"
    assert mask.holds({"deep": [written]})


def test_what_could_begin_an_encoding_is_not_held_back_from_a_stream() -> None:
    """Else nearly every piece of every stream would wait for the next one."""
    mask = Mask([Secret("swordfish-1")])
    assert mask.open_end("ends in 1-h") == 0
    assert mask.open_end("ends in sword") == 5
