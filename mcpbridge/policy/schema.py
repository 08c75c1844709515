"""A JSON Schema (draft 7, which editors know) of policy files, for completion and early complaints.

    python -m mcpbridge.policy.schema > docs/schema/policy.json

The loader stays the judge: it also checks examples, contradictions and operands that need a parser.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from mcpbridge.policy.annotations import DEFAULTS as HINTS
from mcpbridge.policy.limits import MAX_CALLS, SCOPES
from mcpbridge.policy.matchers import TYPES
from mcpbridge.policy.pins_model import FIRST_USE

Schema = dict[str, Any]

DURATION: Final = "^[1-9][0-9]{0,5}[smh]$"

_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_NUMBER: Final[Schema] = {"type": "number"}
_SIZE: Final[Schema] = {"type": "integer", "minimum": 0}
_SCALAR: Final[Schema] = {"type": ["string", "number", "boolean"]}
_SCALARS: Final[Schema] = {"type": "array", "items": _SCALAR, "minItems": 1}
_WORDS: Final[Schema] = {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}
_TEXTS: Final[Schema] = {"anyOf": [_TEXT, _WORDS]}
_HOSTS: Final[Schema] = {
    "anyOf": [
        *_TEXTS["anyOf"],
        {
            "type": "object",
            "properties": {
                "hosts": _TEXTS,
                "private": {"const": "allow"},
                "ports": {"type": ["integer", "array"], "items": {"type": "integer"}},
            },
            "required": ["hosts"],
            "additionalProperties": False,
        },
    ]
}
_SQL: Final[Schema] = {
    "type": "object",
    "properties": {
        "only": {
            "type": "array",
            "minItems": 1,
            "items": {"enum": ["select", "insert", "update", "delete", "merge"]},
        },
        "dialect": _TEXT,
        "functions": _WORDS,
    },
    "required": ["only"],
    "additionalProperties": False,
}
_MATCHERS: Final[Schema] = {"$ref": "#/definitions/matchers"}
_GROUPS: Final[Schema] = {"type": "array", "items": _MATCHERS, "minItems": 1}
_USER_TEXT: Final[Schema] = {"const": "user_text"}

OPERANDS: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(("eq", "ne"), _SCALAR),
    **dict.fromkeys(("in", "not_in"), _SCALARS),
    **dict.fromkeys(("gt", "ge", "lt", "le"), _NUMBER),
    "type": {"enum": list(TYPES)},
    **dict.fromkeys(("min_len", "max_len", "min_items", "max_items"), _SIZE),
    **dict.fromkeys(("starts_with", "ends_with", "contains", "matches"), _TEXT),
    **dict.fromkeys(("under", "scheme", "email_domain"), _TEXTS),
    **dict.fromkeys(("https_host", "host"), _HOSTS),
    "sql": _SQL,
    **dict.fromkeys(("grounded", "no_new_links"), _USER_TEXT),
    **dict.fromkeys(("each", "any"), _MATCHERS),
    **dict.fromkeys(("all_of", "any_of", "none_of"), _GROUPS),
}
"""What each matcher takes; a test holds it to the registry."""

_EXAMPLE: Final[Schema] = {
    "type": "object",
    "properties": {
        "$tool": _TEXT,
        "$user": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
        },
        "$principal": {"type": "string"},
        "$groups": _TEXTS,
        "$annotations": {"$ref": "#/definitions/annotations"},
    },
    "patternProperties": {"^[^$]": True},
    "additionalProperties": False,
}
_EXAMPLES: Final[Schema] = {"type": "array", "items": _EXAMPLE, "minItems": 1}

DEFAULTS: Final[Mapping[str, Schema]] = {
    "decision": {"enum": ["ask", "deny", "allow"]},
    "unknown_tool": {"enum": ["deny", "ask"]},
    "ask_timeout": {"type": "string", "pattern": DURATION},
    "on_timeout": {"const": "deny"},
    "i_accept": {"const": "allow_by_default"},
}

RULE: Final[Mapping[str, Schema]] = {
    "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
    "effect": {"enum": ["allow", "ask", "deny"]},
    "tools": {**_WORDS, "items": {"type": "string", "pattern": r"^(\*|[A-Za-z0-9*-]+\..|\*\S)\S*$"}},
    "who": {
        "anyOf": [
            _WORDS,
            {
                "type": "object",
                "properties": {"principals": _WORDS, "groups": _WORDS},
                "minProperties": 1,
                "additionalProperties": False,
            },
        ]
    },
    "when": {"type": "object", "minProperties": 1, "additionalProperties": _MATCHERS},
    "args_schema": {"type": "object", "minProperties": 1},
    "annotations": {"$ref": "#/definitions/annotations"},
    "other_arguments": {"const": "any"},
    "reason": _TEXT,
    "examples": {
        "type": "object",
        "properties": {"match": _EXAMPLES, "not_match": _EXAMPLES},
        "minProperties": 1,
        "additionalProperties": False,
    },
}

_TOOLS: Final[Schema] = RULE["tools"]
_DURATION: Final[Schema] = {"type": "string", "pattern": DURATION}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": MAX_CALLS}
_PER: Final[Schema] = {"anyOf": [{"enum": list(SCOPES)}, _DURATION]}

PINS: Final[Mapping[str, Schema]] = {
    "file": _TEXT,
    "on_change": {"enum": ["ask", "deny"]},
    "on_new_tool": {"enum": ["ask", "deny"]},
    "on_missing": {"enum": ["ask", "deny", FIRST_USE]},
    "relist": {"enum": ["turn", "never"]},
}
LIMIT: Final[Mapping[str, Schema]] = {
    "tools": _TOOLS,
    "calls": _COUNT,
    "per": {"anyOf": [*_PER["anyOf"], {"type": "array", "items": _PER, "minItems": 1, "uniqueItems": True}]},
}
GRANTS: Final[Mapping[str, Schema]] = {"bind": _WORDS, "max_ttl": _DURATION, "max_uses": _COUNT}
APPROVERS: Final[Mapping[str, Schema]] = {
    "tools": _TOOLS,
    "quorum": {"type": "integer", "minimum": 1},
    "of": _WORDS,
    "not_requester": {"const": True},
    "escalate": {
        "type": "object",
        "properties": {"after": _DURATION, "to": _WORDS},
        "required": ["after", "to"],
        "additionalProperties": False,
    },
}


def _object(properties: Mapping[str, Schema], *required: str) -> Schema:
    made: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**made, "required": list(required)} if required else made


TOP: Final[Mapping[str, Schema]] = {
    "version": {"const": 1},
    "mode": {"enum": ["enforce", "shadow"]},
    "pins": _object(PINS),
    "limits": {"type": "array", "minItems": 1, "items": _object(LIMIT, "tools", "calls", "per")},
    "grants": {**_object(GRANTS), "minProperties": 1},
    "approvers": {"type": "array", "minItems": 1, "items": _object(APPROVERS, "tools")},
    "defaults": {
        "type": "object",
        "properties": dict(DEFAULTS),
        "required": ["decision"],
        "additionalProperties": False,
        "if": {"properties": {"decision": {"const": "allow"}}},
        "then": {"required": ["i_accept"]},
        "else": {"not": {"required": ["i_accept"]}},
    },
    "rules": {
        "type": "array",
        "items": _object(RULE, "id", "effect", "tools"),
    },
}


def policy_schema() -> Schema:
    """The schema as plain data."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "mcpbridge policy",
        "description": "See docs/policy.md.",
        "type": "object",
        "properties": dict(TOP),
        "required": ["version", "defaults"],
        "additionalProperties": False,
        "definitions": {
            "matchers": {
                "type": "object",
                "properties": dict(OPERANDS),
                "minProperties": 1,
                "additionalProperties": False,
            },
            "annotations": {
                "type": "object",
                "properties": {hint: {"type": "boolean"} for hint in HINTS},
                "minProperties": 1,
                "additionalProperties": False,
            },
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(policy_schema(), indent=2) + "\n")
