"""Text with `${…}` in it: what a configuration keeps instead of a credential."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mcpbridge.config.references import Part, Reference, parse_parts
from mcpbridge.config.sources import SecretSources, SecretUnavailable
from mcpbridge.core.secret import Secret
from mcpbridge.errors import MissingSecret, Problem


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SecretTemplate:
    """Parts of a text, some of them kept elsewhere. Resolved at each use, never stored resolved."""

    parts: tuple[Part, ...]
    file: str = "(Python)"
    line: int = 1
    directory: Path = field(default_factory=Path)
    """Relative `${file:…}` are looked up here."""
    note: str = ""
    """What a message about it begins with."""
    lines: bool = False
    """Whether what is kept elsewhere may have several lines, as a key in PEM has. Never in a header."""

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(part for part in self.parts if isinstance(part, Reference))

    @property
    def blocking(self) -> bool:
        """Whether resolving reads a file or asks a keyring."""
        return any(reference.scheme != "env" for reference in self.references)

    @property
    def literal(self) -> str | None:
        """The whole text where it holds no reference, else None."""
        return None if self.references else "".join(part for part in self.parts if isinstance(part, str))

    @property
    def skeleton(self) -> str:
        """The literal text, with `$` where something is kept elsewhere: for checking its form."""
        return "".join(part if isinstance(part, str) else "$" for part in self.parts)

    def resolve(self, sources: SecretSources) -> Secret:
        """The text itself; its `parts` are what was kept elsewhere. Raises MissingSecret with file and
        line of the reference."""
        found = {reference: self._value(reference, sources) for reference in self.references}
        return Secret(
            "".join(part if isinstance(part, str) else found[part].reveal() for part in self.parts),
            parts=found.values(),
        )

    def _value(self, reference: Reference, sources: SecretSources) -> Secret:
        problem, value = "", None
        try:
            value = Secret(sources.value(reference, self.directory))
        except SecretUnavailable as error:
            problem = str(error)
        if value is not None and has_control(self._one_line(value.reveal())):
            which = "a control character" if self.lines else "a line break or another control character"
            problem = f"{reference} holds {which}"
        if problem or value is None:  # raised here, so that nothing a source held becomes its context
            raise MissingSecret([Problem(file=self.file, line=self.line, message=self.note + problem)])
        return value

    def _one_line(self, text: str) -> str:
        return text.replace("\r\n", "\n").replace("\n", " ") if self.lines else text

    def __repr__(self) -> str:
        shown = "".join("…" if isinstance(part, str) else str(part) for part in self.parts)
        return f"SecretTemplate({shown}, {self.file}:{self.line})"


def parse_template(
    text: str,
    *,
    file: str = "(Python)",
    line: int = 1,
    directory: Path | None = None,
    note: str = "",
    lines: bool = False,
) -> SecretTemplate:
    """Read a template. Raises ReferenceProblem (a ValueError)."""
    parts = parse_parts(text)
    return SecretTemplate(
        parts=parts, file=file, line=line, directory=directory or Path(), note=note, lines=lines
    )


def has_control(text: str) -> bool:
    """Whether a control character other than a tab occurs: it would end or split a header."""
    return any((ord(char) < 32 and char != "\t") or ord(char) == 127 for char in text)
