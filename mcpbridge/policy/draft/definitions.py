"""Tool definitions from a file, in the forms in which people have them.

- MCP: the result of `tools/list` (also inside a JSON-RPC answer), or its list of tools
- OpenAI: an array of `function` tools, as Responses or as Chat Completions has them
- `mcpbridge servers probe --json`
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.raw import mapping
from mcpbridge.policy.draft.judged import Toolbox

LOCAL: Final = "local"
"""The label of Python functions; an OpenAI array holds such."""
_LABEL: Final = re.compile(r"[A-Za-z0-9-]+")
_FORMS: Final = (
    'the result of an MCP tools/list ({"tools": […]}), an OpenAI array of function tools, '
    "or what `mcpbridge servers probe --json` prints"
)
_MAX: Final = 20_000_000


class DefinitionsUnreadable(ValueError):
    """The message says what is wrong, where, and what is expected."""


def read_definitions(text: str, *, file: str, label: str | None = None) -> tuple[Toolbox, ...]:
    """The tools of a file. `label` is the server's; without it, `local` for OpenAI functions, and else the
    file's name. A probe brings its own labels. Raises DefinitionsUnreadable."""
    if len(text) > _MAX:
        raise DefinitionsUnreadable(f"{file}: larger than {_MAX} characters; that is no list of tools")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DefinitionsUnreadable(f"{file}{line}: not JSON; write {_FORMS}") from error
    found = mapping(value)
    if isinstance(found.get("servers"), list):
        return _probed(cast("list[object]", found["servers"]), file, label)
    tools = found.get("tools", mapping(found.get("result")).get("tools")) if found else value
    if not isinstance(tools, list):
        raise DefinitionsUnreadable(f"{file}: no tools in it; write {_FORMS}")
    return (_toolbox(cast("list[object]", tools), file, label),)


def _probed(servers: Sequence[object], file: str, label: str | None) -> tuple[Toolbox, ...]:
    if label is not None:
        raise DefinitionsUnreadable(f"{file}: a probe says which server each tool is of; leave out --label")
    boxes: list[Toolbox] = []
    for place, server in enumerate(map(mapping, servers)):
        name, listed = server.get("label"), server.get("tools")
        if not isinstance(name, str) or not _LABEL.fullmatch(name) or not isinstance(listed, list):
            raise DefinitionsUnreadable(
                f"{file}: servers[{place}] has no `label` and `tools`; write {_FORMS}"
            )
        identity = str(server.get("identity") or "")
        tools = [tool for tool in cast("list[object]", listed) if mapping(tool).get("allowed") is not False]
        definitions = _all(
            [_definition_of(tool, file) for tool in tools], file, f"servers[{place}].tools", identity
        )
        if definitions:
            boxes.append(Toolbox(label=name, source=identity or file, tools=definitions))
    labels = [box.label for box in boxes]
    if len(set(labels)) < len(labels):
        raise DefinitionsUnreadable(f"{file}: two servers have the same label; probe them again")
    if not boxes:
        raise DefinitionsUnreadable(f"{file}: the probe found no tool; see its `problem` and `skipped`")
    return tuple(boxes)


def _definition_of(tool: object, file: str) -> object:
    definition = mapping(tool).get("definition")
    if definition is None:
        raise DefinitionsUnreadable(
            f"{file}: the probe is of an older version, without definitions; probe again"
        )
    return definition


def _toolbox(tools: Sequence[object], file: str, label: str | None) -> Toolbox:
    functions = bool(tools) and mapping(tools[0]).get("type") == "function"
    if label is None:
        stem = re.split(r"[/\\]", file)[-1].rsplit(".", 1)[0]
        label = LOCAL if functions else re.sub(r"[^A-Za-z0-9-]+", "-", stem).strip("-") or "server"
    if not _LABEL.fullmatch(label):
        raise DefinitionsUnreadable(f"{label!r} is no label; write letters, digits and `-`, such as github")
    found = _all(tools, file, "tools", LOCAL if functions else "")
    if not found:
        raise DefinitionsUnreadable(f"{file}: its list of tools is empty")
    return Toolbox(label=label, source=file, tools=found)


def _all(tools: Sequence[object], file: str, at: str, identity: str) -> tuple[ToolDefinition, ...]:
    found = tuple(
        _definition(mapping(tool), f"{file}: {at}[{place}]", identity) for place, tool in enumerate(tools)
    )
    names: set[str] = set()
    for tool in found:
        if tool.name in names:
            raise DefinitionsUnreadable(
                f"{file}: two tools are called {tool.name!r}; which one a call means is unclear"
            )
        names.add(tool.name)
    return found


def _definition(tool: Mapping[str, Any], at: str, identity: str) -> ToolDefinition:
    """Names of the wire: `inputSchema` (MCP), `input_schema` (hosted lists), `parameters` (functions)."""
    if isinstance(tool.get("function"), Mapping):
        tool = mapping(tool["function"])
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        raise DefinitionsUnreadable(f"{at} has no `name`; write {_FORMS}")
    schema = next((tool[key] for key in ("inputSchema", "input_schema", "parameters") if key in tool), None)
    description = tool.get("description")
    output = tool.get("outputSchema", tool.get("output_schema"))
    return ToolDefinition(
        name=name,
        description=description if isinstance(description, str) else "",
        input_schema=mapping(schema),
        output_schema=None if output is None else mapping(output),
        annotations=mapping(tool.get("annotations")),
        server_identity=identity,
    )
