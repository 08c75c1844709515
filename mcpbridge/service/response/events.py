"""The stream events of a response, in the documented order. Sequence numbers are added by `Numbered`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from mcpbridge.service.items.reasoning import unfinished
from mcpbridge.service.response.performance import Begun, Finished, Happening, Told
from mcpbridge.service.wire import Item, is_list, is_object

_CHUNK = 16  # characters in a text delta


@dataclass(slots=True)
class Numbered:
    """Gives each event of one stream its sequence number."""

    next: int = 0

    def event(self, event: Item) -> Item:
        numbered = {**event, "sequence_number": self.next}
        self.next += 1
        return numbered


async def item_events(happenings: AsyncIterator[Happening]) -> AsyncIterator[Item]:
    """The events between response.in_progress and the final one, without numbers."""
    index = 0
    begun = False
    async for happening in happenings:
        match happening:
            case Told(event=event):
                yield event
            case Begun(item=item):
                for event in _placed(_beginning(happening), item, index):
                    yield event
                begun = True
            case Finished(item=item):
                events = _ending(item) if begun else _whole(item)
                for event in _placed(events, item, index):
                    yield event
                index, begun = index + 1, False


def _placed(events: Iterator[Item], item: Item, index: int) -> Iterator[Item]:
    """Every event names its place; all but added and done name the item too."""
    for event in events:
        place = {"output_index": index} if "item" in event else {"output_index": index, "item_id": item["id"]}
        yield {**event, **place}


def _added(item: Item) -> Item:
    return {"type": "response.output_item.added", "item": item}


def _done(item: Item) -> Item:
    return {"type": "response.output_item.done", "item": item}


def _whole(item: Item) -> Iterator[Item]:
    makers = {
        "message": _message,
        "reasoning": _reasoning,
        "function_call": _function_call,
        "custom_tool_call": _custom_tool_call,
    }
    maker = makers.get(str(item.get("type")))
    if maker is None or not _is_ours(item):
        yield _added(item)
    else:
        yield from maker(item)
    yield _done(item)


def _is_ours(item: Item) -> bool:
    """Whether the item has the parts its events are made of; a hostile one may not."""
    if not isinstance(item.get("id"), str):
        return False
    text = {"function_call": "arguments", "custom_tool_call": "input"}.get(item["type"])
    if text is not None:
        return isinstance(item.get(text), str)
    parts: object = item.get("content" if item["type"] == "message" else "summary")
    return is_list(parts) and all(is_object(part) for part in parts)


def _beginning(begun: Begun) -> Iterator[Item]:
    item = begun.item
    kind = item["type"]
    yield _added({**item, "arguments": ""} if kind == "mcp_call" else item)
    yield {"type": f"response.{kind}.in_progress"}
    if kind == "mcp_call":
        name = "response.mcp_call.arguments" if begun.renamed else "response.mcp_call_arguments"
        yield {"type": f"{name}.delta", "delta": item["arguments"]}
        yield {"type": f"{name}.done", "arguments": item["arguments"]}
    elif kind == "image_generation_call":
        yield {"type": "response.image_generation_call.generating"}
        for index, picture in enumerate(begun.partial):
            yield {
                "type": "response.image_generation_call.partial_image",
                "partial_image_index": index,
                "partial_image_b64": picture,
            }


def _ending(item: Item) -> Iterator[Item]:
    outcome = "completed" if item.get("error") is None else "failed"
    yield {"type": f"response.{item['type']}.{outcome}"}
    yield _done(item)


def _message(item: Item) -> Iterator[Item]:
    yield _added({**item, "content": [], "status": "in_progress"})
    for index, part in enumerate(item["content"]):
        place = {"content_index": index}
        field = "refusal" if part["type"] == "refusal" else "text"
        name = "refusal" if field == "refusal" else "output_text"
        scores: Item = {} if field == "refusal" else {"logprobs": []}
        yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
        for delta in _chunks(part[field]):
            yield {"type": f"response.{name}.delta", **place, "delta": delta, **scores}
        yield {"type": f"response.{name}.done", **place, field: part[field], **scores}
        yield {"type": "response.content_part.done", **place, "part": part}


def _reasoning(item: Item) -> Iterator[Item]:
    ciphertext: object = item.get("encrypted_content")
    early = {"encrypted_content": unfinished(ciphertext)} if isinstance(ciphertext, str) else {}
    shown: Item = {"content": []} if "content" in item else {}
    yield _added({**item, "summary": [], **shown, **early})
    for index, part in enumerate(item["summary"]):
        place = {"summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}}
        for delta in _chunks(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **place, "delta": delta}
        yield {"type": "response.reasoning_summary_text.done", **place, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **place, "part": part}
    for index, part in enumerate(item.get("content") or ()):
        place = {"content_index": index}
        yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
        for delta in _chunks(part["text"]):
            yield {"type": "response.reasoning_text.delta", **place, "delta": delta}
        yield {"type": "response.reasoning_text.done", **place, "text": part["text"]}
        yield {"type": "response.content_part.done", **place, "part": part}


def _function_call(item: Item) -> Iterator[Item]:
    yield _added({**item, "arguments": "", "status": "in_progress"})
    for delta in _chunks(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", "delta": delta}
    yield {
        "type": "response.function_call_arguments.done",
        "name": item["name"],
        "arguments": item["arguments"],
    }


def _custom_tool_call(item: Item) -> Iterator[Item]:
    yield _added({**item, "input": ""})
    for delta in _chunks(item["input"]):
        yield {"type": "response.custom_tool_call_input.delta", "delta": delta}
    yield {"type": "response.custom_tool_call_input.done", "input": item["input"]}


def _chunks(text: str) -> Iterator[str]:
    for start in range(0, len(text), _CHUNK):
        yield text[start : start + _CHUNK]
