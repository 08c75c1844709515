"""GET /v1/responses/{id}/input_items: what a response was made from, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcpbridge.service.errors import ApiError, invalid_value
from mcpbridge.service.request.include import Include
from mcpbridge.service.stored.stored_response import StoredResponse, item_id
from mcpbridge.service.wire import Item, is_list

_DEFAULT, _MOST = 20, 100  # the published description of listInputItems
_FINISHED = frozenset({"message", "function_call", "function_call_output", "custom_tool_call_output"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which items are asked for."""

    limit: int = _DEFAULT
    newest_first: bool = True
    after: str | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Page:
        """Raises ApiError."""
        limit = query.get("limit", str(_DEFAULT))
        if not (limit.isascii() and limit.isdecimal()) or not 1 <= int(limit[:4]) <= _MOST:
            raise invalid_value("limit", limit, f"whole numbers from 1 to {_MOST}")
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid_value("order", order, "'asc' and 'desc'")
        return cls(limit=int(limit), newest_first=order == "desc", after=query.get("after"))

    def of(self, chain: Sequence[StoredResponse], include: Include) -> Item:
        """The list object. `chain`: the response, after all that it goes on from."""
        items = list(_made_from(chain))
        if self.newest_first:
            items.reverse()
        start = 0 if self.after is None else _place(items, self.after) + 1
        shown = items[start : start + self.limit]
        return {
            "object": "list",
            "data": [_resource(item, one_id, include) for one_id, item in shown],
            "first_id": shown[0][0] if shown else "",
            "last_id": shown[-1][0] if shown else "",
            "has_more": start + self.limit < len(items),
        }


def _made_from(chain: Sequence[StoredResponse]) -> Iterator[tuple[str, Item]]:
    for stored in chain[:-1]:
        yield from stored.all_items()
    yield from zip(chain[-1].ids, chain[-1].items, strict=True)


def _place(items: Sequence[tuple[str, Item]], wanted: str) -> int:
    for place, (one_id, _) in enumerate(items):
        if one_id == wanted:
            return place
    raise ApiError(f"Item with id '{wanted}' not found among the input items.", status=404, param="after")


def _resource(item: Item, one_id: str, include: Include) -> Item:
    """The item as the API lists it: with id, type and status, and content as parts."""
    kind = item.get("type") or "message"
    shown = include.shown({**item, "type": kind, "id": item_id(item) or one_id})
    if kind in _FINISHED:
        shown.setdefault("status", "completed")
    content: object = item.get("content")
    if kind == "message" and not is_list(content):
        text: Item = {"type": "input_text", "text": content}
        if item.get("role") == "assistant":
            text = {"type": "output_text", "text": content, "annotations": [], "logprobs": []}
        shown["content"] = [text]
    return shown
