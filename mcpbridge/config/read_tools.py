"""`hosted_tools:` and `accept_ungated:`: built-in tools of the provider, which run without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from mcpbridge.config.reader import Reader
from mcpbridge.config.suggest import instead

UNGATED: Final = frozenset(
    {
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "file_search",
        "code_interpreter",
        "tool_search",
    }
)
"""Built-in tools that need no answer from us. Types of openai 3.54, `responses/tool_param.py`."""

_NEEDS_ANSWER: Final = "its calls need an answer that this version cannot give; remove it"
_REFUSED: Final = {
    "mcp": "MCP servers are written under servers:, where the gate can see them",
    "function": "functions are registered in Python with @tool, where the gate can see them",
    "image_generation": "it continues only with stored responses, and store is false here; remove it",
    "programmatic_tool_calling": "model-written code would call tools in a loop; remove it",
    "namespace": _NEEDS_ANSWER,
    "custom": _NEEDS_ANSWER,
    "computer": _NEEDS_ANSWER,
    "computer_use_preview": _NEEDS_ANSWER,
    "local_shell": _NEEDS_ANSWER,
    "shell": _NEEDS_ANSWER,
    "apply_patch": _NEEDS_ANSWER,
}


def read_accepted(top: Reader) -> frozenset[str]:
    """Types the configuration accepts without a gate."""
    names = top.texts("accept_ungated") or ()
    for index, name in enumerate(names):
        problem = _type_problem(name)
        if problem:
            top.refuse(f"accept_ungated: {name[:40]}: {problem}", "accept_ungated", index)
    return frozenset(names)


def read_hosted_tools(top: Reader, accepted: frozenset[str]) -> tuple[Mapping[str, Any], ...]:
    """Raw tools; each type must be accepted by name."""
    found: list[Mapping[str, Any]] = []
    for entry in top.children("hosted_tools", "write {type: web_search}"):
        kind = entry.required("type", "write the tool's type, such as web_search")
        if kind is not None and _usable(entry, kind, accepted):
            found.append(MappingProxyType(dict(entry.values)))
    return tuple(found)


def _usable(entry: Reader, kind: str, accepted: frozenset[str]) -> bool:
    problem = _type_problem(kind)
    if problem:
        entry.refuse(f"hosted_tools: {kind[:40]}: {problem}", "type")
    elif kind not in accepted:
        entry.refuse(
            f"hosted_tools: {kind} runs at the provider and never asks; if that is wanted, write "
            f"accept_ungated: [{kind}]",
            "type",
        )
    elif entry.values.get("execution") == "client":
        entry.refuse(f"hosted_tools: {kind}: execution: client: {_NEEDS_ANSWER}", "execution")
    else:
        return True
    return False


def _type_problem(kind: str) -> str | None:
    if kind in UNGATED:
        return None
    return _REFUSED.get(kind) or f"this is no built-in tool mcpbridge knows; {instead(kind, UNGATED)}"
