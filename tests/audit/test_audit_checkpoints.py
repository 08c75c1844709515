"""Signed notes, keys and checkpoints, held to vectors that others published."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.audit.checkpoint import Checkpoint, cosign, cosigned_at, verified
from mcpbridge.audit.note import (
    COSIGNATURE,
    NoteError,
    Signature,
    SigningKey,
    VerifierKey,
    parse,
    sign,
    signature_line,
    signatures,
    verify,
)

_GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
_GO_NOTE = (
    f"{_GO_TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
_GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
_GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
"""The example of golang.org/x/mod/sumdb/note. The private half is published there too."""

_KEY = SigningKey(name="example.com/log", seed=bytes(range(32)))
_OTHER = SigningKey(name="example.com/log", seed=bytes(32))
_POINT = Checkpoint(origin="example.com/log", size=7, root=bytes(range(32)))


def test_the_note_of_the_go_library_is_read_and_written_to_the_byte() -> None:
    signer, verifier = SigningKey.parse(_GO_SIGNER), VerifierKey.parse(_GO_VERIFIER)
    assert sign(_GO_TEXT, signer) == _GO_NOTE
    assert verify(parse(_GO_NOTE), [verifier]) == (verifier,)
    assert (str(signer.verifier), signer.text()) == (_GO_VERIFIER, _GO_SIGNER)


def test_a_private_key_is_not_shown_by_accident() -> None:
    assert _KEY.seed.hex() not in repr(_KEY)
    assert base64.b64encode(_KEY.seed).decode()[:20] not in repr(_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b+c",
        _GO_VERIFIER.replace("c74f20a3", "c74f20a4"),
        _GO_VERIFIER.replace("Peter", "Pater"),
        _GO_VERIFIER[:-1],
        _GO_VERIFIER + "A",
        _GO_VERIFIER.replace("+ARpc", "+AhRp"),
        " +c74f20a3+" + "A" * 44,
        _GO_VERIFIER.replace("c74f20a3", "C74F20A3"),
        "PRIVATE+KEY+" + _GO_VERIFIER,
    ],
)
def test_a_mistyped_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [_GO_VERIFIER, _GO_SIGNER[:-4], _GO_SIGNER.replace("c74f", "c74e"), _GO_SIGNER.replace("+AYE", "+BYE")],
)
def test_a_mistyped_signing_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(NoteError) as caught:
        SigningKey.parse(text)
    assert "KFALVFGyNhPJEMz" not in str(caught.value)


def _flip(note: str, at: int) -> str:
    return note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]


@given(st.integers(0, len(_GO_NOTE) - 1))
def test_a_note_with_any_character_changed_is_refused(at: int) -> None:
    with pytest.raises(NoteError):
        verify(parse(_flip(_GO_NOTE, at)), [VerifierKey.parse(_GO_VERIFIER)])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n— a",
        "text\n\n— a AAAAAAAA",
        "text\n\n- a AAAAAAAA\n",
        "text\n\n— a AAAA\n",
        "text\n\n— a+b AAAAAAAA\n",
        "text\n\n—  AAAAAAAA\n",
        "te\x07xt\n\n— a AAAAAAAA\n",
        "te\rxt\n\n— a AAAAAAAA\n",
        "text\n\n— a AAAAAAA=A\n",
        "text\n\n— a AAAAAAAA \n",
        "text\n— a AAAAAAAA\n",
        "\ud800\n\n— a AAAAAAAA\n",
        "text\n\n" + "— a AAAAAAAA\n" * 65,
        "\n\n— a AAAAAAAA\n",
    ],
)
def test_what_has_not_the_form_of_a_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        parse(note)


def test_signatures_of_strangers_are_ignored_and_broken_ones_of_friends_are_not() -> None:
    both = sign(_POINT.text(), _KEY, _OTHER)
    assert verify(parse(both), [_KEY.verifier]) == (_KEY.verifier,)
    assert verify(parse(both), [_KEY.verifier, _OTHER.verifier]) == (_KEY.verifier, _OTHER.verifier)
    stranger = SigningKey(name="example.org/x", seed=bytes(range(32)))
    with pytest.raises(NoteError, match="no key that is known"):
        verify(parse(both), [stranger.verifier])
    broken = f"{_POINT.text()}\n{signature_line(_KEY.verifier, bytes(64))}"
    with pytest.raises(NoteError, match="does not hold"):
        verify(parse(broken + signature_line(_OTHER.verifier, _OTHER.raw_signature(_POINT.text().encode()))),
               [_KEY.verifier, _OTHER.verifier])  # fmt: skip


def test_the_text_may_have_empty_lines_and_ends_at_the_last_of_them() -> None:
    text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
    assert parse(sign(text, _KEY)).text == text


@pytest.mark.parametrize("text", ["", "\n", "no newline", "a\tb\n", "\ud800\n"])
def test_a_text_that_no_note_may_have_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign(text, _KEY)


def test_a_checkpoint_is_three_lines_and_reads_back() -> None:
    assert _POINT.text() == "example.com/log\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert verified(_POINT.signed(_KEY), _KEY.verifier) == _POINT
    assert Checkpoint.of_note(_POINT.signed(_KEY))[0] == _POINT
    with pytest.raises(NoteError):
        verified(_POINT.signed(_KEY), _OTHER.verifier)


def test_extension_lines_are_kept_and_signed_as_they_are() -> None:
    text = _POINT.text() + "extra 1\n— not a signature\n"
    found = verified(sign(text, _KEY), _KEY.verifier)
    assert found.extensions == ("extra 1", "— not a signature")
    assert found.text() == text


_ROOT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n7\n",
        f"\n7\n{_ROOT}\n",
        f"o\n07\n{_ROOT}\n",
        f"o\n-7\n{_ROOT}\n",
        f"o\n7 \n{_ROOT}\n",
        f"o\n\u0667\n{_ROOT}\n",
        f"o\n7\n{_ROOT}",
        f"o\n7\n{_ROOT}\n\n",
        f"o\n7\n\n{_ROOT}\n",
        f"o\n7\n{_ROOT[:-1]}\n",
        f"o\n7\n{_ROOT[:-2]}9=\n",
        f"o\n7\n{_ROOT} \n",
        "o\n7\nAAAA\n",
        f"o\n{'9' * 20}\n{_ROOT}\n",
        f"o\n7\n{_ROOT}\n\nx\n",
    ],
)
def test_what_is_not_exactly_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.of_text(text)


def test_a_cosignature_says_when_and_holds_for_one_text_and_time() -> None:
    witness = SigningKey(name="witness.example/w1", seed=bytes([7]) * 32, kind=COSIGNATURE)
    data = cosign(_POINT.text(), witness, at=1_679_315_147)
    (line,) = signatures(signature_line(witness.verifier, data))
    assert cosigned_at(_POINT.text(), line, witness.verifier) == 1_679_315_147
    later = (1_679_315_148).to_bytes(8, "big") + line.data[8:]
    wrong: list[Callable[[], int]] = [
        lambda: cosigned_at(_POINT.text(), line._replace(data=later), witness.verifier),
        lambda: cosigned_at(_POINT.text() + "x\n", line, witness.verifier),
        lambda: cosigned_at(_POINT.text(), line, _KEY.verifier),
        lambda: cosigned_at(_POINT.text(), line._replace(name="witness.example/w2"), witness.verifier),
        lambda: cosigned_at(_POINT.text(), Signature(line.name, line.key_id, b"short"), witness.verifier),
    ]
    for attempt in wrong:
        with pytest.raises(NoteError):
            attempt()


def test_a_cosignature_of_a_time_that_no_clock_shows_does_not_hold() -> None:
    witness = SigningKey(name="witness.example/w1", seed=bytes([7]) * 32, kind=COSIGNATURE)
    data = cosign(_POINT.text(), witness, at=1 << 50)  # signed well, and no datetime
    (line,) = signatures(signature_line(witness.verifier, data))
    with pytest.raises(NoteError):
        cosigned_at(_POINT.text(), line, witness.verifier)


def test_the_published_example_of_a_cosignature_has_the_form_we_read() -> None:
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
        "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2"
        "oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    checkpoint, parsed = Checkpoint.of_note(note)
    assert (checkpoint.size, [line.name for line in parsed.signatures]) == (
        20852163,
        ["example.com/behind-the-sofa", "witness.example.com/w1"],
    )
    assert int.from_bytes(parsed.signatures[1].data[:8], "big") == 1_679_315_147
