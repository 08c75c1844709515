"""What the request obliges the model to: tool_choice, parallel_tool_calls, max_tool_calls, the text format.

A real model is held to these while it writes; ours may be a script, so what breaks them ends the request
with an error that says which. The quirks tool-choice-ignored and text-format-ignored imitate servers that do
not care.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcpbridge.service.errors import ApiError
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.request.tool_choice import Chosen
from mcpbridge.service.wire import Item, is_list, is_object

_CODE = "model_disobeys"
_HOSTED = frozenset({"mcp_call", "image_generation_call"})
_BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "file_search_call": ("file_search",),
    "web_search_call": (
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ),
    "computer_call": ("computer", "computer_use", "computer_use_preview"),
    "image_generation_call": ("image_generation",),
    "code_interpreter_call": ("code_interpreter",),
    "local_shell_call": ("local_shell",),
    "shell_call": ("shell",),
    "apply_patch_call": ("apply_patch",),
    "program": ("programmatic_tool_calling",),
}
"""The tools that an item of output may be a call of."""


def calls_of(item: Item) -> tuple[Chosen, ...]:
    """What was called, in every way a tool_choice can name it; nothing when the item is no call."""
    kind, name = str(item.get("type")), item.get("name")
    if kind in ("mcp_call", "mcp_approval_request"):
        return (Chosen(kind="mcp", name=name, server_label=item.get("server_label")),)
    if kind in ("function_call", "custom_tool_call"):
        return (Chosen(kind="function" if kind == "function_call" else "custom", name=name),)
    return tuple(Chosen(kind=tool) for tool in _BUILT_IN.get(kind, ()))


def refuse_call(request: CreateRequest, called: Sequence[Chosen], made: Sequence[Item]) -> None:
    """Whether the model may call this now; `made` is what it has produced since it last saw a result."""
    choice = request.tool_choice
    if called and not any(choice.allows(one) for one in called):
        allowed = "none" if choice.mode == "none" else ", ".join(str(tool) for tool in choice.tools or ())
        raise _disobeys(
            f"called '{called[0]}', but tool_choice allows only: {allowed}",
            "tool_choice",
            "tool-choice-ignored",
        )
    if called and not request.parallel_tool_calls and any(calls_of(item) for item in made):
        raise _disobeys(
            f"called '{called[0]}' beside another tool, but parallel_tool_calls is false",
            "parallel_tool_calls",
            "tool-choice-ignored",
        )


def used_up(request: CreateRequest, output: Sequence[Item]) -> bool:
    """Whether max_tool_calls is reached: further attempts to call hosted tools are ignored, as documented."""
    limit = request.max_tool_calls
    return limit is not None and sum(item.get("type") in _HOSTED for item in output) >= limit


def refuse_end(request: CreateRequest, output: Sequence[Item]) -> None:
    """Whether a completed response may end like this: what had to be called was; a refusal may end it too."""
    choice = request.tool_choice
    if not choice.must_call or any(_refuses(item) for item in output):
        return
    if any(choice.allows(called) for item in output for called in calls_of(item)):
        return
    wanted = ", ".join(str(tool) for tool in choice.tools) if choice.tools is not None else "a tool"
    raise _disobeys(
        f"ended without calling {wanted}, which tool_choice requires", "tool_choice", "tool-choice-ignored"
    )


def refuse_answer(request: CreateRequest, text: str) -> None:
    """Whether a message may say this under text.format."""
    problem = request.text_format.problem(text)
    if problem is not None:
        raise _disobeys(
            f"answered {text[:80]!r}, which text.format does not allow: {problem[:200]}",
            "text.format",
            "text-format-ignored",
        )


def _refuses(item: Item) -> bool:
    parts: object = item.get("content") if item.get("type") == "message" else None
    return is_list(parts) and any(is_object(part) and part.get("type") == "refusal" for part in parts)


def _disobeys(what: str, param: str, quirk: str) -> ApiError:
    message = (
        f"The model of this local service (a script or another brain) {what}. "
        f"Change the brain, or imitate a server that does not care with --quirk {quirk}."
    )
    return ApiError(message, param=param, code=_CODE)
