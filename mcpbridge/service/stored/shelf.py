"""Where stored responses stand: found by their owner only; bounded, the one unused for longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from mcpbridge.service.clients import Client
from mcpbridge.service.errors import ApiError, response_not_found
from mcpbridge.service.limits import Limits
from mcpbridge.service.stored.stored_response import StoredResponse
from mcpbridge.service.wire import Item


@dataclass(slots=True, kw_only=True)
class Shelf:
    """All stored responses of a service. Each operation costs the same however many there are."""

    limits: Limits
    size: int = 0
    """In bytes."""
    _responses: OrderedDict[str, StoredResponse] = field(
        default_factory=OrderedDict[str, StoredResponse], repr=False
    )
    _sizes: dict[str, int] = field(default_factory=dict[str, int], repr=False)
    _items: dict[tuple[str, str], tuple[str, Item]] = field(
        default_factory=dict[tuple[str, str], tuple[str, Item]], repr=False
    )
    """Where each item was seen first, by owner and id: the id of the response, and the item."""

    def __len__(self) -> int:
        return len(self._responses)

    def put(self, stored: StoredResponse) -> None:
        """Adds it, or measures it again after a change; forgets others if there is no room."""
        size = stored.measured()
        if stored.id in self._responses:
            self.size -= self._sizes[stored.id]
        self._responses[stored.id] = stored
        self._responses.move_to_end(stored.id)
        self._sizes[stored.id] = size
        self.size += size
        for item_id, item in stored.all_items():
            self._items.setdefault((stored.owner.key, item_id), (stored.id, item))
        self._make_room()

    def keeps(self, stored: StoredResponse) -> bool:
        return self._responses.get(stored.id) is stored

    def get(self, client: Client, response_id: str) -> StoredResponse | None:
        """Another client's response is not there."""
        stored = self._responses.get(response_id)
        if stored is None or stored.owner is not client:
            return None
        self._responses.move_to_end(response_id)
        return stored

    def find(self, client: Client, response_id: str) -> StoredResponse:
        """Raises ApiError 404."""
        stored = self.get(client, response_id)
        if stored is None:
            raise response_not_found(response_id)
        return stored

    def item(self, client: Client, item_id: str) -> tuple[StoredResponse, Item] | None:
        """A stored item and the response it was seen with."""
        found = self._items.get((client.key, item_id))
        stored = self.get(client, found[0]) if found else None
        return (stored, found[1]) if stored and found else None

    def remove(self, stored: StoredResponse) -> None:
        del self._responses[stored.id]
        self.size -= self._sizes.pop(stored.id)
        for item_id, _ in stored.all_items():
            seen = self._items.get((stored.owner.key, item_id))
            if seen is not None and seen[0] == stored.id:
                del self._items[stored.owner.key, item_id]

    def _make_room(self) -> None:
        """What is still being made stays: its number is bounded elsewhere."""
        while not self._fits():
            oldest = next((stored for stored in self._responses.values() if not stored.running), None)
            if oldest is None:
                return
            self.remove(oldest)

    def _fits(self) -> bool:
        return len(self) <= self.limits.stored_responses and self.size <= self.limits.stored_bytes


def previous_response_not_found(response_id: str) -> ApiError:
    return ApiError(
        f"Previous response with id '{response_id}' not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )
