"""Calls from files: `{tool, arguments}`, or an item as it is on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from mcpbridge.cli.policy_functions import Functions
from mcpbridge.core.action import Action, Via
from mcpbridge.core.function_names import label_of, tool_of
from mcpbridge.core.raw import mapping
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.errors import UsageError
from mcpbridge.policy.glob import tool_name_problem

FORMS: Final = (
    '{"tool": "label.tool", "arguments": {…}}, or an mcp_approval_request, mcp_call or function_call item'
)


def read_call(text: str, *, file: str, functions: Functions) -> Action:
    """A call from a file's text. Raises UsageError. Arguments given as JSON text are parsed as the gate
    does, so that a malformed call can be looked at too. `functions` tells what a function stands for."""
    try:
        value = parse_arguments(text)
    except MalformedArguments as error:
        raise UsageError(f"{file}: no call: {_about_file(error)}; write {FORMS}") from None
    return call_of(value, where=file, functions=functions)


def _about_file(error: MalformedArguments) -> str:
    """What is said of arguments, said of the file."""
    if error.code == "not_an_object":
        return "it is not a JSON object"
    text = str(error)
    for plural, singular in (("are", "is"), ("name", "names"), ("hold", "holds")):
        text = text.replace(f"the arguments {plural} ", f"it {singular} ")
    return text


def call_of(value: Mapping[str, Any], *, where: str, functions: Functions) -> Action:
    """The action that a call object describes. Raises UsageError."""
    label, tool = _name(value, where, functions)
    arguments, raw, malformed = _arguments(value.get("arguments", {}))
    return Action(
        request_id=str(value.get("id") or value.get("call_id") or "call"),
        server_label=label,
        tool=tool,
        via=_via(value, label, functions),
        arguments=arguments,
        raw_arguments=raw,
        malformed=malformed,
    )


def _via(value: Mapping[str, Any], label: str, functions: Functions) -> Via:
    if label == "local":
        return "local"
    return "bridge" if value.get("type") == "function_call" or label in functions.bridged else "hosted"


def _name(value: Mapping[str, Any], where: str, functions: Functions) -> tuple[str, str]:
    match value.get("type"):
        case "mcp_approval_request" | "mcp_call":
            name = f"{value.get('server_label')}.{value.get('name')}"
        case "function_call":
            name = ".".join(functions.place(str(value.get("name") or ""), where))
        case _:
            name = str(value.get("tool") or "")
    problem = _name_problem(name)
    if problem is not None:
        raise UsageError(f"{where}: {problem}; or write {FORMS}")
    label, _, tool = name.partition(".")
    return label, tool


def _name_problem(name: str) -> str | None:
    """Also says what to write for a name as the model calls it."""
    problem = tool_name_problem(name)
    label, tool = label_of(name), tool_of(name)
    if problem is None or not (label and tool):
        return problem
    return (
        f"{name!r} is not a tool name; write `{label}.{tool}` for the tool of a bridged server, or "
        f"`local.{name}` for a Python function"
    )


def _arguments(value: object) -> tuple[dict[str, Any] | None, str, str | None]:
    raw = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, Mapping):
        return dict(mapping(cast("object", value))), raw, None  # read strictly with the file around it
    try:
        return parse_arguments(value), raw, None
    except MalformedArguments as error:
        return None, raw, str(error)
