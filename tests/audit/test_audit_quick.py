"""The short way for usual records writes what the careful way writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.audit.declared import DeclaredSecrets
from mcpbridge.audit.encode import Encoder
from mcpbridge.audit.keeping import Keeping
from mcpbridge.audit.redact import Redactor
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.ports import Record

KNOWN = "a known/secret \u00e9 %41"
NUMBER = "8812345"


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, 0, 0, 250, UTC)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_1"


def encoder(**keeping: Any) -> Encoder:
    return Encoder(
        mask=Mask([Secret(KNOWN), Secret(NUMBER)]),
        keeping=Keeping.of(**keeping),
        redactor=Redactor(b"k" * 32),
        clock=Still(),
    )


ODDITIES: list[Any] = [
    KNOWN, KNOWN.upper(), "a known\\/secret \\u00e9 %2541", "%61 known/secret \u00e9 %41", NUMBER, 8812345,
    8812345.0, "sk-" + "A1b2" * 6, "api_key=abcdef12", "password", "https://u:p@host/", "Bearer abc12345",
    "Zk3v9QpL7xW2mN8rT5yB1cD4", {"token": "q"}, {"pin": "1234"}, Secret(KNOWN), "0" * 40, 10**30,
    [[]] * 70, "x\u2028y", "\x7f", "\n", "\\", '"', "\u00e4", "\ud800", float("nan"), {1: 2}, object(), None,
    True, ("t", 1),
]  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.text(max_size=20) | st.integers() | st.floats() | st.sampled_from(ODDITIES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["arguments", "tool", "server_label", "outcome", "request_id", "reason", "error", "result", "via", "ts",
     "fingerprint", "screen_hash", "level", "odd name", "api_key", KNOWN]
)  # fmt: skip
KEYS = st.none() | st.sampled_from(["mcpr_1", f"mcpr_{NUMBER}", KNOWN, 'q"q', "b\\b", "\u00e9", "\ud800", ""])


@given(fields=st.dictionaries(NAMES, VALUES, max_size=6), key=KEYS, new=st.booleans(), phase=st.booleans())
@pytest.mark.parametrize(
    "keeping",
    [
        {},
        {"levels": {"*.quiet": "metadata", "*.open": "full"}, "allow_full": True},
        {"secrets": (DeclaredSecrets(tool="*", fields=("pin",)),)},
    ],
    ids=["usual", "levels", "declared"],
)
def test_the_short_way_writes_what_the_careful_way_writes(
    keeping: dict[str, Any], fields: dict[str, Any], key: str | None, new: bool, phase: bool
) -> None:
    own = encoder(**keeping)
    record = Record(
        type="decision",
        phase="pre" if phase else None,
        fields=fields,
        decision_key=key,
        new_key=new,
        use="r1",
    )
    assert own.encode(record) == own.encode_carefully(record)
