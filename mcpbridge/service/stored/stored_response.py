"""A stored response: what GET shows, and what a later response goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mcpbridge.service.clients import Client
from mcpbridge.service.items.reasoning import Binding
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.stored.event_log import EventLog
from mcpbridge.service.wire import Item

_PREFIXES: Mapping[str, str] = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "mcp_approval_response": "mcpar",
}


class Job(Protocol):
    """Work that goes on without a client."""

    def cancel_soon(self) -> None:
        """Has it end; a hosted call that has begun runs to its end."""
        ...

    async def cancel(self) -> None:
        """The same, and returns when it has ended."""
        ...


@dataclass(slots=True, kw_only=True)
class StoredResponse:
    """One response and the input items that were new in its request. `body` changes while it is made."""

    owner: Client
    body: Item = field(repr=False)
    items: tuple[Item, ...] = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)
    """The id of each item: its own, or the one that it was given."""
    previous_response_id: str | None
    thoughts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What the reasoning of the output hides, by item id."""
    binding: Binding = field(default_factory=Binding, repr=False)
    """What the ciphertext of that reasoning is bound to."""
    events: EventLog | None = field(default=None, repr=False)
    job: Job | None = field(default=None, repr=False)
    _fixed_bytes: int = field(default=0, repr=False)

    @classmethod
    def of(
        cls, request: CreateRequest, body: Item, owner: Client, new_id: Callable[[str], str]
    ) -> StoredResponse:
        new = request.items[request.prior :]
        return cls(
            owner=owner,
            body=body,
            items=new,
            ids=tuple(item_id(item) or new_id(_prefix(item)) for item in new),
            previous_response_id=request.previous_response_id,
            _fixed_bytes=len(json.dumps(new)),
        )

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def background(self) -> bool:
        return self.body.get("background") is True

    @property
    def running(self) -> bool:
        return self.body.get("status") in ("queued", "in_progress")

    def measured(self) -> int:
        """About how many bytes it holds."""
        kept = self.events.size if self.events else 0
        return self._fixed_bytes + len(json.dumps(self.body)) + kept + sum(map(len, self.thoughts.values()))

    def with_ciphertext(self) -> Item:
        """The body with what its reasoning hides, encrypted for the owner: made when somebody asks for it."""
        return {**self.body, "output": [self._sealed(item) for item in self.body["output"]]}

    def _sealed(self, item: Item) -> Item:
        thought = self.thoughts.get(item_id(item) or "")
        if thought is None or item.get("encrypted_content") is not None:
            return item
        ciphertext = self.owner.sealer.seal(thought, item_id=item["id"], binding=self.binding)
        return {**item, "encrypted_content": ciphertext}

    def all_items(self) -> Iterator[tuple[str, Item]]:
        """Input and output, each with its id."""
        yield from zip(self.ids, self.items, strict=True)
        for item in self.body["output"]:
            yield item_id(item) or "", item


def item_id(item: Item) -> str | None:
    found: object = item.get("id")
    return found if isinstance(found, str) else None


def _prefix(item: Item) -> str:
    return _PREFIXES.get(str(item.get("type", "message")), "item")
