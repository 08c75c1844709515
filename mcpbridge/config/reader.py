"""One mapping of a YAML file, read key by key. A wrong shape becomes a problem, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar, cast

from mcpbridge.config.duration import parse_duration
from mcpbridge.config.headers import literal_credential
from mcpbridge.config.references import ReferenceProblem, unread_variable
from mcpbridge.config.suggest import instead
from mcpbridge.config.template import SecretTemplate, has_control, parse_template
from mcpbridge.core.yaml_lines import Document
from mcpbridge.core.yaml_lines import Path as Place
from mcpbridge.errors import Problem

_Word = TypeVar("_Word", bound=str)
_PLAIN: Final = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
"""What can be repeated as a label."""
_WORD: Final = re.compile(r"[a-z][a-z_]{0,31}", re.ASCII)
"""What names a tool or a kind of thing, and is no secret."""
_KINDS: Final = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


@dataclass(slots=True)
class Findings:
    """What reading turned up: every problem, and every template (to check that its secrets are there)."""

    problems: list[Problem] = field(default_factory=list[Problem])
    templates: list[SecretTemplate] = field(default_factory=list[SecretTemplate])


class UsedAt(NamedTuple):
    """Where a file is used that nobody edits; `note` is what messages about that line begin with."""

    file: str
    line: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The mapping at `place`. A key with an empty value counts as absent."""

    document: Document
    file: str
    directory: Path
    findings: Findings
    place: Place = ()
    used_at: UsedAt | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        value = self.document.value
        for key in self.place:
            value = value[key]
        return cast("Mapping[str, Any]", value)

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def line(self, *keys: str | int) -> int:
        return self.document.line((*self.place, *keys))

    def refuse(self, message: str, *keys: str | int) -> None:
        """Note a problem at a key of this mapping (or at the mapping itself)."""
        self.findings.problems.append(Problem(file=self.file, line=self.line(*keys), message=message))

    def only(self, *known: str, meant: Mapping[str, str] = MappingProxyType({})) -> None:
        """Refuse every key that is not known. `meant`: what to write for names that it has elsewhere."""
        for key in self.values:
            if key not in known:
                advice = meant.get(key) or instead(key, known)
                self.refuse(f"{self.name(key)} is not a key mcpbridge knows; {advice}", key)

    def name(self, *keys: str | int) -> str:
        """A key with the sections it stands in, for messages: `servers[docs].url`."""
        found, value = "", self.document.value
        for key in (*self.place, *keys):
            value = _below(value, key)
            if isinstance(key, str):
                found += f".{key}" if found else key
            else:
                found += f"[{_called(value, key)}]"
        return found

    def _typed(self, key: str, kind: type[Any], form: str = "") -> Any:
        value = self.values.get(key)
        if value is None or type(value) is kind:
            return value
        self.refuse(
            f"{self.name(key)} must be {_KINDS[kind]}, not {_KINDS[type(value)]}"
            + (f"; {form}" if form else _quotes(kind, value)),
            key,
        )
        return None

    def text(self, key: str, default: str | None = None) -> str | None:
        value: str | None = self._typed(key, str)
        if value is not None and not value.strip():
            self.refuse(f"{self.name(key)} is empty; write a value, or remove the key", key)
            return default
        return default if value is None else value

    def required(self, key: str, advice: str) -> str | None:
        """Text that must be there; `advice` says what to write."""
        return self.text(key) if self.present(key, advice) else None

    def present(self, key: str, advice: str) -> bool:
        """Whether a key that must be there is; `advice` says what to write."""
        if not self.has(key):
            self.refuse(f"{self.name(key)} is missing; {advice}", *((key,) if key in self.values else ()))
        return self.has(key)

    def flag(self, key: str, default: bool = False) -> bool:
        value: bool | None = self._typed(key, bool)
        return default if value is None else value

    def integer(self, key: str, default: int, *, minimum: int = 1) -> int:
        value: int | None = self._typed(key, int)
        if value is None:
            return default
        if value < minimum:
            self.refuse(f"{self.name(key)} must be at least {minimum}", key)
            return default
        return value

    def duration(self, key: str, default: float) -> float:
        """Seconds."""
        value = self.values.get(key)
        if value is None:
            return default
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.refuse(f"{self.name(key)} is not a duration: {error}", key)
            return default

    def choice(
        self, key: str, choices: Sequence[_Word], default: _Word, meant: Callable[[str], str] | None = None
    ) -> _Word:
        found = self.optional_choice(key, choices, meant)
        return default if found is None else found

    def optional_choice(
        self, key: str, choices: Sequence[_Word], meant: Callable[[str], str] | None = None
    ) -> _Word | None:
        """`meant`: what to write in place of a wrong word; empty where it cannot say."""
        word = self.text(key)
        if word is None:
            return None
        for choice in choices:
            if word == choice:
                return choice
        advice = (meant(word) if meant is not None else "") or instead(word, choices)
        self.refuse(f"{self.name(key)} cannot be {word[:40]!r}; {advice}", key)
        return None

    def texts(self, key: str, form: str = "") -> tuple[str, ...] | None:
        """A list of texts; None when absent or wrong."""
        items: list[Any] | None = self._typed(key, list, form or _listed(self.values.get(key)))
        if items is None:
            return None
        wrong = [index for index, item in enumerate(items) if not isinstance(item, str) or not item.strip()]
        for index in wrong:
            self.refuse(f"{self.name(key)} is a list of texts; put this entry in quotes", key, index)
        return None if wrong else tuple(items)

    def child(self, key: str) -> Reader:
        """The mapping at `key`; an empty one when it is absent or wrong."""
        if self._typed(key, dict) is None:
            return self._at(Document(value={}, key_lines={(): self.line(key)}), ())
        return self._at(self.document, (*self.place, key))

    def section(self, key: str, advice: str) -> Reader | None:
        """A mapping that must be there; None, and a problem, when it is not."""
        if not self.present(key, advice) or self._typed(key, dict) is None:
            return None
        return self.child(key)

    def children(self, key: str, advice: str) -> Iterable[Reader]:
        """The mappings of the list at `key`, each as a reader."""
        items: list[Any] = self._typed(key, list, "begin each entry with a dash: `- …`") or []
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield self._at(self.document, (*self.place, key, index))
            else:
                self.refuse(f"each entry of {self.name(key)} is a mapping; {advice}", key, index)

    def _at(self, document: Document, place: Place) -> Reader:
        return Reader(
            document=document, file=self.file, directory=self.directory, findings=self.findings, place=place,
            used_at=self.used_at,
        )  # fmt: skip

    def template(self, key: str, *, lines: bool = False) -> SecretTemplate | None:
        """Text in which `${…}` may stand."""
        text = self.text(key)
        return None if text is None else self.parse(text, key, lines=lines)

    def parse(self, text: str, *keys: str | int, lines: bool = False) -> SecretTemplate | None:
        """Read `text` as a template that stands at `keys`. `lines` as in SecretTemplate."""
        file, line, note = self.used_at or (self.file, self.line(*keys), "")
        try:
            found = parse_template(
                text, file=file, line=line, directory=self.directory, note=note, lines=lines
            )
        except ReferenceProblem as error:
            self.refuse(f"{self.name(*keys)}: {error}", *keys)
            return None
        if has_control(found.skeleton):
            self.refuse(f"{self.name(*keys)} must be one line without control characters", *keys)
            return None
        self.findings.templates.append(found)
        return found

    def secret(self, key: str, variable: str, *, lines: bool = False) -> SecretTemplate | None:
        """A template that must not be the credential itself. `lines` as in SecretTemplate."""
        found = self.template(key, lines=lines)
        if found is not None and found.literal is not None:
            self.refuse(
                f"{self.name(key)}: a credential does not stand in a file; write "
                f"${{env:{unread_variable(found.literal) or variable}}}",
                key,
            )
        return found

    def templates(self, key: str) -> dict[str, SecretTemplate]:
        """A mapping of header (or query) names to templates, none of them a credential itself."""
        section = self.child(key)
        found: dict[str, SecretTemplate] = {}
        for name in section.values:
            template = section.template(name)
            if template is None:
                if not section.has(name):
                    section.refuse(f"{section.name(name)} has no value; write one, or remove it", name)
                continue
            found[name] = template
            unread = unread_variable(template.literal or "")
            if unread:
                section.refuse(
                    f"{section.name(name)}: ${unread} is not looked up; write ${{env:{unread}}}", name
                )
            elif literal_credential(name, template):
                advice = "write ${env:NAME} in place of it"
                section.refuse(f"{section.name(name)}: a credential does not stand in a file; {advice}", name)
        return found


def _quotes(kind: type[Any], value: object) -> str:
    return "; put it in quotes" if kind is str and isinstance(value, bool | int | float) else ""


def _listed(value: object) -> str:
    """The same as a list of one, where it is a plain word; no more of it is repeated."""
    word = value if isinstance(value, str) and _WORD.fullmatch(value) else "A, B"
    return f"write [{word}]"


def _below(value: Any, key: str | int) -> Any:
    """What stands at a key; None where nothing does."""
    try:
        return value[key]
    except (LookupError, TypeError):
        return None


def _called(value: Any, index: int) -> str | int:
    """An entry of a list in a message: by its label, or what it uses, else by its index."""
    names = [_below(value, key) for key in ("label", "use")] if isinstance(value, dict) else []
    return next((name for name in names if isinstance(name, str) and _PLAIN.fullmatch(name)), index)
