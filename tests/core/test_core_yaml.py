"""YAML that means what it looks like, with the line of everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.yaml_lines import YamlProblem, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("NO", "NO"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("a:", {"a": None}),
        ("12", 12), ("-3", -3), ("+4", 4), ("0", 0), ("-0.5", -0.5), ("0x1g", "0x1g"),
        ("a_000", "a_000"), ("12:30:45", "12:30:45"), ("2026-01-31", "2026-01-31"), ("1.2.3", "1.2.3"),
        ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), (".inf", ".inf"), ("=", "="),
        ("'12'", "12"), ('"true"', "true"), ("|\n  true\n", "true\n"), ("''", ""),
        ("yes: no", {"yes": "no"}), ("1: a", {"1": "a"}), ("[a, [1]]", ["a", [1]]),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}), ("", None), ("# nothing", None),
    ],
)  # fmt: skip
def test_scalars_are_what_they_look_like(text: str, value: object) -> None:
    parsed = parse_yaml(text).value
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3", 3),
        ('a: 1\n"a": 3', 2),
        ("x:\n  a: 1\n  a: 2", 3),
        ("base: &b {k: 1}\nother:\n  <<: *b", 3),
        ("a: 1\n? [k]\n: 2", 2),
        ("a: 1\nb: !!python/object:os.system x", 2),
        ("a: 1\nb: !mine {}", 2),
        ("a:\n- !!set {x}", 2),
        ("a: !!int '5'", 1),
        ("a: 1\n\tb: 2", 2),
        ("a: [1", 1),
        ("a: 1\n---\nb: 2", 2),
        ("a: *nobody", 1),
        ("a: 1\nb: 010", 2),
        ("a: 1\nb: [-007]", 2),
        ("a: 1\nb: 0x1f", 2),
        ("a: 0o14", 1),
        ("a: 1_000", 1),
        ("a: 1\n# nothing here\u2028b: 2", 2),
        ("a: 1\n# nothing here\x85b: 2", 2),
        ("a: 1\n# nothing here\rb: 2", 2),
        ('a: "x"\nb: "\u202ey"', 2),
        ("a: \x00", 1),
        ("x\ny: " + "9" * 5000, 2),
        ("x: 1\ny: " + "9" * 5000, 2),
        ("a: &a [*a]", 1),
        ("[" * 5000, 1),
        ("a: " + "[" * 150 + "]" * 150, 1),
    ],
)
def test_what_is_ambiguous_or_harmful_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlProblem) as caught:
        parse_yaml(text)
    assert caught.value.line == line


HINTS = [
    ("a: 1\n b: 2", "no `:` can stand here; check the indentation"),
    ("a:\n  x: 1\n b: 2", "the indentation does not fit; keys of one mapping"),
    ("a:\n\t- b", "YAML takes no tab here; indent with spaces"),
    ("tools: [*.delete]", 'an unquoted `*` names an anchor in YAML; put the text in quotes: "*.delete"'),
    ("tools: [*]", 'put the text in quotes: "*"'),
    ("h: {A: Bearer ${env:X}}", "between { and } a value with ${…} needs quotes"),
    ("w: {note?: {le: 1}}", "between { and } a key that ends in ? needs quotes"),
    ("a: [1\n", "this [ is not closed; write ]"),
    ("a: {b: 1", "this { is not closed; write }"),
    ("a: 'x", "this quotation mark is not closed"),
    ('a: "\\d"', "in double quotes a backslash begins an escape"),
    ("a: @x", "no unquoted text begins with @; put it in quotes"),
    ("a: - b", "no `- ` can stand here; begin the list on the next line"),
    ("a: [", "a value, or the end of a { or [, is missing here"),
    ("a: \x00", "a control character stands here; remove it"),
    ("a: 1\n---\nb: 2", "`---` begins a second document"),
    ("a: &x* b", "not YAML: expected alphabetic or numeric character"),
    ("[" * 5000, "too deep for a configuration"),
    ("a: 1\u2028b: *x", "an invisible character (U+2028)"),
    ("a: 010", "write plain digits, or quotes"),
]


@pytest.mark.parametrize(("text", "said"), HINTS)
def test_what_is_no_yaml_comes_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(YamlProblem) as caught:
        parse_yaml(text)
    assert said in str(caught.value)


def test_aliases_cannot_blow_up() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(YamlProblem, match="too large"):
        parse_yaml("\n".join(lines))


def test_every_value_has_its_line_or_that_of_the_nearest_thing_above() -> None:
    document = parse_yaml("servers:\n  - label: a\n    url: b\n  -\n    label: c\n")
    assert document.line(("servers",)) == 1
    assert document.line(("servers", 0, "url")) == 3
    assert document.line(("servers", 1, "label")) == 5
    assert document.line(("servers", 1, "missing", "deep")) == 5
    assert document.line(("missing",)) == 1
    assert parse_yaml("").line(("a",)) == 1


@given(st.text(alphabet="ab:-[]{}&*!<>|'\"#?, \n\t01.~%@"))
def test_no_text_raises_anything_but_a_problem_with_a_line(text: str) -> None:
    problem = _problem(text)
    assert problem is None or 1 <= problem.line <= text.count("\n") + 2


def _problem(text: str) -> YamlProblem | None:
    try:
        parse_yaml(text)
    except YamlProblem as error:
        return error
    return None
