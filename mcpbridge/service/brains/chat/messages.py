"""The conversation as chat-completions messages: each call with what came of it right behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mcpbridge.service.brains.brain import Scene
from mcpbridge.service.brains.chat.names import Offer
from mcpbridge.service.brains.planner.files import attached
from mcpbridge.service.items.sight import Kind, result_of
from mcpbridge.service.wire import Item, is_list, is_object, text_of

_NO_RESULT: Final = "No result of this call is known."
_CALLS: Final = frozenset({"function_call", "mcp_approval_request", "mcp_call"})


def messages_of(scene: Scene, offer: Offer) -> list[Item]:
    """What the scene shows, oldest first. Reasoning is left out: these endpoints take none back."""
    transcript = _Transcript(offer=offer, results=_results(scene.items))
    if scene.request.instructions:
        transcript.messages.append({"role": "system", "content": scene.request.instructions})
    for item in scene.items:
        kind: object = item.get("type", "message")
        if kind in _CALLS and not _is_answered_elsewhere(item, scene.items):
            transcript.calls.append(item)
        elif kind == "message":
            transcript.add_message(item)
        elif kind == "function_call_output":
            transcript.add_pictures(item.get("output"))
    transcript.end_turn()
    return transcript.messages


@dataclass(slots=True, kw_only=True)
class _Transcript:
    """Messages so far, and what the model is saying at once: a text, calls, or both."""

    offer: Offer
    results: Mapping[str, str]
    messages: list[Item] = field(default_factory=list[Item])
    text: str = ""
    calls: list[Item] = field(default_factory=list[Item])

    def add_message(self, item: Item) -> None:
        self.end_turn()
        if item.get("role") == "assistant":
            self.text = text_of(item.get("content"))
        else:
            self.messages.append(_message(item))

    def add_pictures(self, output: object) -> None:
        """Pictures and files that a tool gave: a tool's message holds text only, the user's holds these."""
        parts = [_part(part) for part in (output if is_list(output) else [])]
        seen = [part for part in parts if part["type"] != "text"]
        if seen:
            self.end_turn()
            self.messages.append({"role": "user", "content": seen})

    def end_turn(self) -> None:
        if self.calls:
            calls = [_call(call, self.offer) for call in self.calls]
            self.messages.append({"role": "assistant", "content": self.text or None, "tool_calls": calls})
            for call in calls:
                result = self.results.get(call["id"], _NO_RESULT)
                self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        elif self.text:
            self.messages.append({"role": "assistant", "content": self.text})
        self.text, self.calls = "", []


def _is_answered_elsewhere(item: Item, items: Sequence[Item]) -> bool:
    """Whether the call stands in the conversation already, as the request that it was approved by."""
    asked: object = item.get("approval_request_id")
    return asked is not None and any(
        other.get("type") == "mcp_approval_request" and other["id"] == asked for other in items
    )


def _call(item: Item, offer: Offer) -> Item:
    label: object = item.get("server_label")
    name = offer.name_of(label if isinstance(label, str) else None, item["name"])
    function = {"name": name, "arguments": item["arguments"]}
    return {"id": _call_id(item), "type": "function", "function": function}


def _call_id(item: Item) -> str:
    return str(item["call_id"] if item["type"] == "function_call" else item["id"])


def _results(items: Sequence[Item]) -> dict[str, str]:
    """What came of each call, by its id; a denial and its reason are told as the result."""
    results: dict[str, str] = {}
    for item in items:
        kind: object = item.get("type")
        if kind == "function_call_output":
            results[item["call_id"]] = text_of(item.get("output"))
        elif kind == "mcp_call":
            results[item.get("approval_request_id") or item["id"]] = _outcome(item)
        elif kind == "mcp_approval_response" and not item["approve"]:
            reason = item.get("reason")
            why = f" The reason: {reason}" if reason else " No reason was given."
            results[item["approval_request_id"]] = f"This call was denied and did not run.{why}"
    return results


def _outcome(call: Item) -> str:
    seen = result_of(call)
    return seen.text if seen.kind is Kind.MCP_RESULT else f"Error: {seen.text}"


def _message(item: Item) -> Item:
    role = "user" if item.get("role") == "user" else "system"
    content: object = item.get("content")
    if not is_list(content) or role == "system":
        return {"role": role, "content": text_of(content)}
    return {"role": role, "content": [_part(part) for part in content]}


def _part(part: object) -> Item:
    """A content part in the words of chat completions; a text file as its text."""
    if not is_object(part):
        return {"type": "text", "text": ""}
    if part.get("type") == "input_image":
        picture: Item = {"url": part.get("image_url")}
        if part.get("detail"):
            picture["detail"] = part["detail"]
        return {"type": "image_url", "image_url": picture}
    if part.get("type") == "input_file":
        return _file(part)
    return {"type": "text", "text": text_of([part])}


def _file(part: Item) -> Item:
    read = attached([{"content": [part]}]).documents
    if read:
        name, text = read[0]
        return {"type": "text", "text": f"The file {name}:\n{text}"}
    told = {key: part[key] for key in ("filename", "file_data", "file_id") if part.get(key)}
    return {"type": "file", "file": told}
