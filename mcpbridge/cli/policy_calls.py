"""Calls from files: `{tool, arguments}`, or an item as it is on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from mcpbridge.core.action import Action
from mcpbridge.core.raw import mapping
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.errors import UsageError
from mcpbridge.policy.glob import tool_name_problem

FORMS: Final = (
    '{"tool": "label.tool", "arguments": {…}}, or an mcp_approval_request, mcp_call or function_call item'
)


def read_call(text: str, *, file: str) -> Action:
    """A call from a file's text. Raises UsageError. Arguments given as JSON text are parsed as the gate
    does, so that a malformed call can be looked at too."""
    try:
        value = parse_arguments(text)
    except MalformedArguments as error:
        raise UsageError(f"{file}: no call: {_about_file(error)}; write {FORMS}") from None
    return call_of(value, where=file)


def _about_file(error: MalformedArguments) -> str:
    """What is said of arguments, said of the file."""
    if error.code == "not_an_object":
        return "it is not a JSON object"
    text = str(error)
    for plural, singular in (("are", "is"), ("name", "names"), ("hold", "holds")):
        text = text.replace(f"the arguments {plural} ", f"it {singular} ")
    return text


def call_of(value: Mapping[str, Any], *, where: str) -> Action:
    """The action that a call object describes. Raises UsageError."""
    label, tool = _name(value, where)
    arguments, raw, malformed = _arguments(value.get("arguments", {}))
    return Action(
        request_id=str(value.get("id") or value.get("call_id") or "call"),
        server_label=label,
        tool=tool,
        via="local" if label == "local" else "hosted",
        arguments=arguments,
        raw_arguments=raw,
        malformed=malformed,
    )


def _name(value: Mapping[str, Any], where: str) -> tuple[str, str]:
    match value.get("type"):
        case "mcp_approval_request" | "mcp_call":
            name = f"{value.get('server_label')}.{value.get('name')}"
        case "function_call":
            name = f"local.{value.get('name')}"
        case _:
            name = str(value.get("tool") or "")
    problem = tool_name_problem(name)
    if problem is not None:
        raise UsageError(f"{where}: {problem}; write {FORMS}")
    label, _, tool = name.partition(".")
    return label, tool


def _arguments(value: object) -> tuple[dict[str, Any] | None, str, str | None]:
    raw = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, Mapping):
        return dict(mapping(cast("object", value))), raw, None  # read strictly with the file around it
    try:
        return parse_arguments(value), raw, None
    except MalformedArguments as error:
        return None, raw, str(error)
