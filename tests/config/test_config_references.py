"""`${…}` templates: what they mean, what is refused, and that nothing they hold is ever shown."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.config import SecretSources, SecretUnavailable, parse_template, process_sources
from mcpbridge.config.duration import parse_duration
from mcpbridge.config.references import Part, Reference, ReferenceProblem, parse_parts
from mcpbridge.config.sources import read_keyring, read_secret_file
from mcpbridge.errors import MissingSecret

CANARY = "canary-5d41402abc4b"


def _sources(**env: str) -> SecretSources:
    return SecretSources(
        env=env, read_file=lambda path: f"{path.name}\r\n", keyring=lambda service, user: f"{service}|{user}"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Bearer ${env:TOKEN}", "Bearer t"),
        ("${env:TOKEN}${env:TOKEN}", "tt"),
        ("${file:secrets/key.txt}", "key.txt"),
        ("${keyring:https://host/path/user}", "https://host/path|user"),
        ("$${env:TOKEN}", "${env:TOKEN}"),
        ("cost $5 {} $", "cost $5 {} $"),
        ("", ""),
    ],
)
def test_a_template_is_resolved_part_by_part(text: str, value: str) -> None:
    assert parse_template(text).resolve(_sources(TOKEN="t")).reveal() == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Bearer ${env:TOKEN", "a ${ is not closed; write ${env:NAME}, or $${ for the characters themselves"),
        ("${DOCS_TOKEN}", "${…} must say where the value is kept: write ${env:DOCS_TOKEN}"),
        (f"${{{CANARY}}}", "${…} must say where the value is kept: write ${env:NAME}"),
        ("${}", "${…} must say where the value is kept: write ${env:NAME}"),
        ("${evn:TOKEN}", "${evn:…} is not known; did you mean 'env'?"),
        (f"${{{CANARY}:x}}", "${…:…} is not known; write one of: env, file, keyring"),
        ("${env:}", "${env:} names nothing; write ${env:NAME}"),
        ("${file: }", "${file:} names nothing; write ${file:path}"),
        (
            f"${{env:{CANARY}}}",
            "the name in ${env:…} is not a variable's name (letters, digits and _); write ${env:NAME}",
        ),
        ("${keyring:service}", "${keyring:…} needs a service and a user; write ${keyring:service/user}"),
        ("${keyring:/user}", "${keyring:…} needs a service and a user; write ${keyring:service/user}"),
        ("${file:${env:A}}", "a ${…} cannot stand inside another"),
    ],
)
def test_a_wrong_reference_says_what_to_write_and_shows_no_value(text: str, problem: str) -> None:
    with pytest.raises(ReferenceProblem) as caught:
        parse_parts(text)
    assert str(caught.value) == problem


def _written(part: Part) -> str:
    return part.replace("${", "$${") if isinstance(part, str) else str(part)


literals = st.text(min_size=1).filter(lambda text: "$$" not in text and not text.endswith("$"))
references = st.one_of(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True).map(
        lambda name: Reference(scheme="env", name=name)
    ),
    st.from_regex(r"[a-z~./\\ -]{0,9}[a-z]", fullmatch=True).map(
        lambda name: Reference(scheme="file", name=name)
    ),
)


@given(st.lists(st.one_of(literals, references)))
def test_what_is_written_is_what_is_read(parts: list[Part]) -> None:
    merged: list[Part] = []
    for part in parts:
        if merged and isinstance(part, str) and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    assert list(parse_parts("".join(map(_written, merged)))) == merged


@given(st.text(alphabet="$${}:envfilkyrg/A_ \n"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parts = parse_parts(text)
    except ReferenceProblem:
        assert "${" in text
    else:
        assert all(part for part in parts if isinstance(part, str))


def test_a_missing_variable_carries_file_and_line() -> None:
    template = parse_template("Bearer ${env:DOCS_TOKEN}", file="mcpbridge.yaml", line=7)
    with pytest.raises(MissingSecret) as caught:
        template.resolve(_sources())
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("mcpbridge.yaml", 7)
    assert problem.message == "the environment variable DOCS_TOKEN is not set; set it, or name another one"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${env:EMPTY}", "${env:EMPTY} is empty"),
        ("${env:TWO_LINES}", "${env:TWO_LINES} holds a line break or another control character"),
    ],
)
def test_a_value_that_cannot_be_sent_is_missing(text: str, message: str) -> None:
    template = parse_template(text)
    with pytest.raises(MissingSecret) as caught:
        template.resolve(_sources(EMPTY="", TWO_LINES=f"{CANARY}\r\nX: y"))
    assert caught.value.problems[0].message == message
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown


def test_a_key_may_have_several_lines_and_no_other_control_character() -> None:
    sources = _sources(KEY="-----BEGIN\r\nabc\n-----END\n", ODD=f"{CANARY}\n\x1b[31m")
    assert parse_template("${env:KEY}", lines=True).resolve(sources).reveal() == sources.env["KEY"]
    with pytest.raises(MissingSecret) as caught:
        parse_template("${env:ODD}", lines=True).resolve(sources)
    assert caught.value.problems[0].message == "${env:ODD} holds a control character"


def test_no_repr_shows_a_value() -> None:
    sources = _sources(TOKEN=CANARY)
    template = parse_template(f"{CANARY} ${{env:TOKEN}}", file="c.yaml", line=2)
    assert repr(template) == "SecretTemplate(…${env:TOKEN}, c.yaml:2)"
    shown = f"{template} {template!r} {template.resolve(sources)!r} {template.resolve(sources)} {sources!r}"
    assert CANARY not in shown


def test_files_are_read_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + CANARY.encode() + b"\n")
    template = parse_template("${file:key}", directory=tmp_path)
    assert template.blocking
    assert template.resolve(process_sources()).reveal() == CANARY


def test_a_tilde_is_the_home_directory() -> None:
    seen: list[Path] = []

    def read(path: Path) -> str:
        seen.append(path)
        return "x"

    sources = SecretSources(env={}, read_file=read, keyring=lambda service, user: None)
    parse_template("${file:~/key}", directory=Path("somewhere")).resolve(sources)
    assert seen == [Path.home() / "key"]


def test_a_file_that_cannot_be_read_is_missing(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff" + CANARY.encode())
    with pytest.raises(SecretUnavailable, match="is not UTF-8 text") as caught:
        read_secret_file(tmp_path / "binary")
    assert caught.value.__context__ is None  # a UnicodeDecodeError would carry the bytes
    with pytest.raises(SecretUnavailable, match="cannot be read: No such file"):
        read_secret_file(tmp_path / "absent")


def test_the_environment_is_read_at_each_use(monkeypatch: pytest.MonkeyPatch) -> None:
    template, sources = parse_template("${env:MCPBRIDGE_TEST_TOKEN}"), process_sources()
    for value in ("one", "two"):
        monkeypatch.setenv("MCPBRIDGE_TEST_TOKEN", value)
        assert template.resolve(sources).reveal() == value


def test_the_keyring_is_asked_for_service_and_user() -> None:
    keyring = pytest.importorskip("keyring")
    backend = pytest.importorskip("keyring.backend")

    class Memory(backend.KeyringBackend):  # type: ignore[misc, name-defined]
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            return CANARY if (service, username) == ("docs", "me") else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise AssertionError("nothing is stored")

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        assert parse_template("${keyring:docs/me}").resolve(process_sources()).reveal() == CANARY
        with pytest.raises(MissingSecret, match="run: keyring set docs you"):
            parse_template("${keyring:docs/you}").resolve(process_sources())
    finally:
        keyring.set_keyring(before)


def test_a_keyring_that_fails_is_named_by_its_error_only() -> None:
    keyring = pytest.importorskip("keyring")
    fail = pytest.importorskip("keyring.backends.fail")
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        with pytest.raises(SecretUnavailable, match="the system's keyring cannot be used: NoKeyringError"):
            read_keyring("docs", "me")
    finally:
        keyring.set_keyring(before)


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretUnavailable, match=r"pip install 'mcpbridge\[keyring\]'"):
        read_keyring("docs", "me")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("15m", 900), ("1h30m", 5400), ("500ms", 0.5), ("1.5h", 5400), ("7d", 604800)],
)
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "60", "m", "1 m", "-1s", "1w", "0s", "367d", "1m ", "٣s", "9" * 400 + "d"]
)
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write a number|it must be"):
        parse_duration(text)
