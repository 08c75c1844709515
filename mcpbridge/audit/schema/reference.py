"""The reference of all records, as Markdown.

python -m mcpbridge.audit.schema > docs/audit/records.md
python -m mcpbridge.audit.schema --json > docs/schema/audit-record.schema.json
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.schema.fields import FIELDS
from mcpbridge.audit.schema.forms import EVERY_LINE, FORMS, MAY_BE_ON_ANY, Form
from mcpbridge.audit.schema.shapes import HIDDEN, OMITTED, SHA256, TIME

_HEAD: Final = """\
# Records

<!-- Made by `python -m mcpbridge.audit.schema`; change the tables there. -->

One JSON object a line. The code in `type` is stable: it is never given another meaning, and a new meaning
gets a new code. A name means the same wherever it stands. A line marked `"sanitized": true` may hold other
shapes than these: something in it could not be written as it was. What is kept of arguments and results
depends on the tool's level: see [secrets.md](secrets.md). For validators there is the same as a JSON Schema,
[audit-record.schema.json](../schema/audit-record.schema.json); `mcpbridge check --schema audit-record` prints
it.
"""
_MEANING: Final = re.compile(r'^    ([A-Z_]+) = "[a-z_]+"\n    """(.*?)"""', re.DOTALL | re.MULTILINE)
_WIDTH: Final = 118
_WORDS: Final = (
    (SHA256, "64 hex digits"),
    (TIME, "time, RFC 3339"),
    (HIDDEN, "hidden"),
    (OMITTED, "omitted"),
)


def reference() -> str:
    """The whole page."""
    page = "\n".join([_HEAD, *_on_every_line(), *_types(), *_fields()])
    return "\n".join(map(_wrapped, page.split("\n"))) + "\n"


def _wrapped(line: str) -> str:
    """A row of a table has to stay one."""
    if len(line) <= _WIDTH or line.startswith("|"):
        return line
    inside = "  " if line.startswith("- ") else ""
    return textwrap.fill(
        line, _WIDTH, subsequent_indent=inside, break_long_words=False, break_on_hyphens=False
    )


def _on_every_line() -> Iterator[str]:
    yield "## On every line\n"
    yield f"{_names(EVERY_LINE)}. Where they apply: {_names(MAY_BE_ON_ANY)}.\n"


def _types() -> Iterator[str]:
    meanings = _meanings()
    yield "## Types\n"
    for one in RecordType:
        form = FORMS[one]
        yield f"### `{one.value}`\n"
        yield meanings[one.name] + "\n"
        yield from _listed(form)


def _listed(form: Form) -> Iterator[str]:
    if form.phase:
        yield f"- phase: `{form.phase}`"
    if form.required:
        yield f"- always: {_names(form.required)}"
    optional = [name for name in form.optional if name not in form.required]
    if optional:
        yield f"- where it applies: {_names(dict.fromkeys(optional))}"
    yield ""


def _fields() -> Iterator[str]:
    yield "## Fields\n"
    yield "| field | what it is | meaning |"
    yield "|---|---|---|"
    for name, field in FIELDS.items():
        unit = f" ({field.unit})" if field.unit else ""
        yield f"| `{name}` | {_shape(field.shape)}{unit} | {_cell(field.meaning)} |"


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _shape(shape: Mapping[str, Any]) -> str:
    for known, word in _WORDS:
        if shape == known:
            return word
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_shape(one) for one in shape["anyOf"]))
    if "enum" in shape:
        return _names(shape["enum"])
    if shape.get("type") == "array":
        return f"list of: {_shape(shape['items'])}"
    if shape.get("type") == "object":
        return _object(shape)
    if "const" in shape:
        return f"`{json.dumps(shape['const'])}`"
    return _kind(shape)


def _object(shape: Mapping[str, Any]) -> str:
    if "properties" in shape:
        return f"object with {_names(shape['properties'])}"
    inner = cast("Mapping[str, Any]", shape["additionalProperties"])
    return f"object, values: {_shape(inner)}" if inner else "object"


def _kind(shape: Mapping[str, Any]) -> str:
    kind: Any = shape.get("type", "any JSON")
    words = cast("list[str]", kind if isinstance(kind, list) else [kind])
    return " or ".join("text" if word == "string" else word for word in words)


def _meanings() -> dict[str, str]:
    """What stands under each member of `RecordType`: Python keeps no docstrings of members."""
    source = inspect.getsource(RecordType)
    return {name: re.sub(r"\s+", " ", text) for name, text in _MEANING.findall(source)}
