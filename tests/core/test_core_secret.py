"""A secret shows nowhere but where it is revealed, and is masked where somebody echoes it."""

from __future__ import annotations

import copy
import json
import pickle
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
