"""The chat brain: any OpenAI-compatible chat-completions endpoint as the model.

It brings hosted MCP with approvals to models that know functions only: hosted tools are offered as functions,
and what they are called with is asked for or executed as require_approval says.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from mcpbridge.service.brains.acts import Act, CallFunction, End, Refuse, Say, Think, UseMcp
from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.brains.chat.endpoint import ChatEndpoint
from mcpbridge.service.brains.chat.messages import messages_of
from mcpbridge.service.brains.chat.names import Offer, offer
from mcpbridge.service.brains.planner.turn import made_here
from mcpbridge.service.brains.script import Fault
from mcpbridge.service.errors import ApiError
from mcpbridge.service.items.sight import Sight
from mcpbridge.service.wire import Item, is_list, is_object, text_of

_PASSED_ON: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_CUT_SHORT: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ChatBrain:
    """Asks a chat endpoint; keeps no state."""

    def __init__(self, endpoint: ChatEndpoint) -> None:
        self._endpoint = endpoint

    async def act(self, scene: Scene) -> AsyncIterator[Act]:
        """Raises ApiError; after hosted calls have run, a failed response instead, so that they are told."""
        offered = offer(scene)
        try:
            completion = await self._endpoint.complete(_body(scene, offered))
        except ApiError as error:
            if not any(item.get("type") == "mcp_call" for item in made_here(scene.items)):
                raise
            yield End(status="failed", message=error.message)
            return
        for act in _acts(completion["choices"][0], offered):
            yield act

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> Fault | None:
        return None


def _body(scene: Scene, offered: Offer) -> Item:
    request = scene.request
    given = {name: request.body[name] for name in _PASSED_ON if request.body.get(name) is not None}
    body: Item = {"model": request.model, "messages": messages_of(scene, offered), "stream": False, **given}
    if request.body.get("max_output_tokens") is not None:
        body["max_tokens"] = request.body["max_output_tokens"]
    reasoning: object = request.body.get("reasoning")
    if is_object(reasoning) and reasoning.get("effort"):
        body["reasoning_effort"] = reasoning["effort"]
    if offered.by_name:
        body["tools"] = [{"type": "function", "function": one.function} for one in offered.by_name.values()]
        body["tool_choice"] = _tool_choice(scene, offered)
        if request.body.get("parallel_tool_calls") is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    wanted = _response_format(scene)
    return {**body, "response_format": wanted} if wanted else body


def _tool_choice(scene: Scene, offered: Offer) -> str | Item:
    """What must be called is called once: after results of this very response the model is free again."""
    choice = scene.request.tool_choice
    if not choice.must_call or any(item.get("type") == "mcp_call" for item in made_here(scene.items)):
        return "auto"
    if choice.tools is not None and len(offered.by_name) == 1:
        return {"type": "function", "function": {"name": next(iter(offered.by_name))}}
    return "required"


def _response_format(scene: Scene) -> Item | None:
    asked = scene.request.text_format
    if asked.type == "json_schema":
        schema = {"name": asked.name, "schema": asked.schema, "strict": asked.strict}
        return {"type": "json_schema", "json_schema": schema}
    return {"type": "json_object"} if asked.type == "json_object" else None


def _acts(answer: Item, offered: Offer) -> Iterator[Act]:
    """The answer as acts. One that was cut short calls nothing: its arguments may be cut too."""
    message: Item = answer["message"]
    reason = _CUT_SHORT.get(str(answer.get("finish_reason")))
    spoken = list(_spoken(message))
    called = [] if reason else list(_called(message, offered))
    thought: object = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str) and thought.strip():
        yield Think(summary=thought)
        spoken = spoken or ([] if called else [Say(text="")])  # reasoning is never the last item
    yield from spoken
    yield from called
    if reason:
        yield End(status="incomplete", reason=reason)


def _spoken(message: Item) -> Iterator[Say | Refuse]:
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        yield Refuse(text=message["refusal"])
        return
    text = text_of(message.get("content"))
    if text:
        yield Say(text=text)


def _called(message: Item, offered: Offer) -> Iterator[UseMcp | CallFunction]:
    calls: object = message.get("tool_calls")
    old: object = message.get("function_call")
    listed: list[Any] = calls if is_list(calls) else [{"function": old}] if is_object(old) else []
    for call in listed:
        function: object = call.get("function") if is_object(call) else None
        if not is_object(function) or not isinstance(function.get("name"), str):
            continue
        meant = offered.meant(function["name"])
        arguments = _arguments(function.get("arguments"))
        if meant.server_label is not None:
            yield UseMcp(server_label=meant.server_label, name=str(meant.name), arguments=arguments)
        else:
            yield CallFunction(name=str(meant.name), arguments=arguments)


def _arguments(given: object) -> str:
    """As they came: what is no JSON is for the client's gate to judge. Some endpoints send an object."""
    if isinstance(given, str):
        return given or "{}"
    return "{}" if given is None else json.dumps(given, ensure_ascii=False)
