"""Names that chat-completions endpoints accept for hosted tools: `label__tool`, short and unambiguous."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.request.tool_choice import Chosen
from mcpbridge.service.wire import Item, is_object

_LONGEST: Final = 64
_REFUSED: Final = re.compile(r"[^a-zA-Z0-9_-]")
_BETWEEN: Final = "__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A tool as the chat endpoint is told of it."""

    chosen: Chosen
    function: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """All tools of a request by the name that the chat endpoint knows them by."""

    by_name: Mapping[str, Offered]

    def name_of(self, label: str | None, tool: str) -> str:
        """The name of a tool that may be called no longer, too: its old calls are still told."""
        for name, offered in self.by_name.items():
            if (offered.chosen.server_label, offered.chosen.name) == (label, tool):
                return name
        return tool if label is None else _spelled(label, tool)

    def meant(self, name: str) -> Chosen:
        """The tool that a name means; a name nobody offered is a function's, and the client judges it."""
        offered = self.by_name.get(name)
        return offered.chosen if offered else Chosen(kind="function", name=name)


def offer(scene: Scene) -> Offer:
    """The functions and hosted tools that the request's tool_choice allows, in the order declared."""
    by_name: dict[str, Offered] = {}
    declared: list[object] = scene.request.body.get("tools") or []
    functions = {
        str(tool.get("name")) for tool in declared if is_object(tool) and tool.get("type") == "function"
    }
    for tool in declared:
        if not is_object(tool):
            continue
        if tool.get("type") == "function":
            name = str(tool["name"])
            by_name[name] = Offered(chosen=Chosen(kind="function", name=name), function=_function(tool, name))
        elif tool.get("type") == "mcp":
            label = str(tool["server_label"])
            for listed in scene.listed.get(label, ()):
                name = _free(_spelled(label, str(listed["name"])), {*by_name, *functions}, label, listed)
                chosen = Chosen(kind="mcp", name=str(listed["name"]), server_label=label)
                by_name[name] = Offered(chosen=chosen, function=_hosted(listed, name))
    allows = scene.request.tool_choice.allows
    return Offer(by_name={name: one for name, one in by_name.items() if allows(one.chosen)})


def _spelled(label: str, tool: str) -> str:
    plain = _REFUSED.sub("_", f"{label}{_BETWEEN}{tool}")
    exact = plain == f"{label}{_BETWEEN}{tool}" and len(plain) <= _LONGEST
    return plain if exact else _marked(plain, label, tool)


def _marked(plain: str, label: str, tool: str) -> str:
    """Shortened, with a mark of its own: two names may not become one."""
    mark = hashlib.sha256(f"{label}\0{tool}".encode()).hexdigest()[:8]
    return f"{plain[: _LONGEST - len(mark) - 1]}_{mark}"


def _free(name: str, taken: set[str], label: str, listed: Item) -> str:
    return _marked(name, label, str(listed["name"])) if name in taken else name


def _function(tool: Item, name: str) -> Item:
    strict = {"strict": True} if tool.get("strict") is True else {}
    return {**_told(name, tool.get("description"), tool.get("parameters")), **strict}


def _hosted(listed: Item, name: str) -> Item:
    return _told(name, listed.get("description"), listed.get("input_schema"))


def _told(name: str, description: object, parameters: object) -> Item:
    told: Item = {"name": name, "parameters": parameters or {"type": "object", "properties": {}}}
    return {**told, "description": description} if description else told
