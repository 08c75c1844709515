"""The JSON Schema (draft 7) of a line of the log."""

from __future__ import annotations

from typing import Any, Final

from mcpbridge.audit.records import RecordType
from mcpbridge.audit.schema.fields import FIELDS
from mcpbridge.audit.schema.forms import EVERY_LINE, FORMS, MAY_BE_ON_ANY, Form
from mcpbridge.audit.schema.shapes import Shape

_DRAFT: Final = "http://json-schema.org/draft-07/schema#"


def record_schema() -> Shape:
    """One line of `audit.jsonl`, of any type. A line marked `sanitized` may hold other shapes: something in
    it could not be written as it was; the names of its fields still hold."""
    return {
        "$schema": _DRAFT,
        "title": "mcpbridge audit record",
        "description": "One line of an audit log. See docs/audit/records.md.",
        "type": "object",
        "properties": {"type": {"enum": [one.value for one in RecordType]}},
        "required": [*EVERY_LINE],
        "allOf": [
            {"if": {"properties": {"type": {"const": one.value}}}, "then": _form(FORMS[one])}
            for one in RecordType
        ],
        "if": {"properties": {"sanitized": False}},
        "then": {"properties": {name: {"$ref": f"#/definitions/{name}"} for name in FIELDS}},
        "definitions": {name: _described(name) for name in FIELDS},
    }


def _form(form: Form) -> Shape:
    known = dict.fromkeys((*EVERY_LINE, *MAY_BE_ON_ANY, *form.required, *form.optional))
    phase: dict[str, Any] = {} if form.phase is None else {"phase": {"const": form.phase}}
    return {
        "properties": phase,
        "propertyNames": {"enum": [*known]},
        "required": [*form.required, *phase],
    }


def _described(name: str) -> Shape:
    field = FIELDS[name]
    unit = f" In {field.unit}." if field.unit else ""
    return {**field.shape, "description": field.meaning + unit}
