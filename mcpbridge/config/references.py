"""`Bearer ${env:DOCS_TOKEN}` → its parts. Pure text: nothing is looked up here.

    ${env:NAME}               an environment variable
    ${file:path}              a file's text, without the line break at its end; `~` is the home directory
    ${keyring:service/user}   a password in the system's keyring (the user begins after the last `/`)
    $${                       the two characters `${` themselves

Messages repeat a name only where it looks like one: a pasted credential is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from mcpbridge.config.suggest import instead

Scheme = Literal["env", "file", "keyring"]

_SCHEMES: Final[dict[str, Scheme]] = {"env": "env", "file": "file", "keyring": "keyring"}
_TOKEN: Final = re.compile(r"\$\$\{|\$\{(?P<body>[^}]*)\}|\$\{")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SHOUTED: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", re.ASCII)
_SHELL: Final = re.compile(r"(?:^|\s)\$(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)$", re.ASCII)
_SCHEME_WORD: Final = re.compile(r"[a-z]{1,12}", re.ASCII)


class ReferenceProblem(ValueError):
    """A `${…}` that cannot be read; the message says what to write and repeats no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where a credential is kept."""

    scheme: Scheme
    name: str

    def __str__(self) -> str:
        return f"${{{self.scheme}:{self.name}}}"


Part = str | Reference


def unread_variable(literal: str) -> str:
    """NAME where a literal ends in a shell's `$NAME`, which means nothing here; else nothing."""
    found = _SHELL.search(literal)
    return found["name"] if found else ""


def parse_parts(text: str) -> tuple[Part, ...]:
    """Literal text and references, in order; neighbouring literals are one. Raises ReferenceProblem."""
    parts: list[Part] = []
    literal = ""
    for piece in _pieces(text):
        if isinstance(piece, str):
            literal += piece
            continue
        parts += [literal, piece] if literal else [piece]
        literal = ""
    return (*parts, literal) if literal else tuple(parts)


def _pieces(text: str) -> Iterator[Part]:
    position = 0
    for token in _TOKEN.finditer(text):
        yield text[position : token.start()]
        position = token.end()
        if token[0] == "$${":
            yield "${"
        elif token["body"] is None:
            raise ReferenceProblem(
                "a ${ is not closed; write ${env:NAME}, or $${ for the characters themselves"
            )
        else:
            yield _reference(token["body"])
    yield text[position:]


def _reference(body: str) -> Reference:
    scheme, colon, name = body.partition(":")
    if not colon:
        example = body if _SHOUTED.fullmatch(body) else "NAME"
        raise ReferenceProblem(f"${{…}} must say where the value is kept: write ${{env:{example}}}")
    if scheme not in _SCHEMES:
        shown = scheme if _SCHEME_WORD.fullmatch(scheme) else "…"
        raise ReferenceProblem(f"${{{shown}:…}} is not known; {instead(shown, _SCHEMES)}")
    if "${" in name:
        raise ReferenceProblem("a ${…} cannot stand inside another")
    problem = _name_problem(scheme, name)
    if problem:
        raise ReferenceProblem(problem)
    return Reference(scheme=_SCHEMES[scheme], name=name)


def _name_problem(scheme: str, name: str) -> str | None:
    if not name.strip():
        return f"${{{scheme}:}} names nothing; write ${{{scheme}:{_EXAMPLES[scheme]}}}"
    if scheme == "env" and not _VARIABLE.fullmatch(name):
        return "the name in ${env:…} is not a variable's name (letters, digits and _); write ${env:NAME}"
    if scheme == "keyring" and not all(name.rpartition("/")[::2]):
        return "${keyring:…} needs a service and a user; write ${keyring:service/user}"
    return None


_EXAMPLES: Final = {"env": "NAME", "file": "path", "keyring": "service/user"}
