"""The words a docstring has for the model: Google, numpy and reST styles."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field

from docstring_parser import ParseError, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """`text` is everything before the first section; `parameters` maps names to their words."""

    text: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])


def read_docstring(docstring: str | None) -> Description:
    """Sections about results and errors are for people and are left out; a broken docstring is kept whole."""
    text = inspect.cleandoc(docstring or "")
    try:
        parsed = parse(text)
    except (ParseError, LookupError, ValueError):  # it stumbles over some free text, such as a line of colons
        return Description(text=text)
    words = {entry.arg_name: entry.description for entry in parsed.params if entry.description}
    return Description(text=(parsed.description or "").strip(), parameters=words)
