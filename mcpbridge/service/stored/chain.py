"""What a request goes on from: the items of `previous_response_id`, its predecessors and item references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mcpbridge.service.clients import Client
from mcpbridge.service.errors import ApiError, duplicate_item, invalid_type, item_not_found, missing_parameter
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.stored.shelf import Shelf, previous_response_not_found
from mcpbridge.service.stored.stored_response import StoredResponse, item_id
from mcpbridge.service.wire import Item


def recalled(request: CreateRequest, shelf: Shelf, client: Client) -> CreateRequest:
    """The request with all items that the model is to see; instructions are not carried over.

    Raises ApiError: 400 for an unknown previous response or a repeated item, 404 for an unknown reference.
    """
    before = chain(request.previous_response_id, shelf, client)
    earlier = [item for stored in before for item in _finished(stored)]
    _refuse_repeated(request.items, before)
    thoughts = {item: thought for stored in before for item, thought in stored.thoughts.items()}
    new = [
        _resolved(item, f"input[{index}]", request, shelf, client) for index, item in enumerate(request.items)
    ]
    thoughts.update(_known(new, shelf, client))
    return replace(request, items=(*earlier, *new), prior=len(earlier), remembered=thoughts)


def chain(response_id: str | None, shelf: Shelf, client: Client) -> Sequence[StoredResponse]:
    """The stored responses up to this one, oldest first. Raises ApiError when one of them is not there."""
    found: list[StoredResponse] = []
    while response_id is not None:
        stored = shelf.get(client, response_id)
        if stored is None:
            raise previous_response_not_found(response_id)
        if stored.running:
            message = (
                f"Previous response with id '{response_id}' has not ended: it is {stored.body['status']}."
            )
            raise ApiError(message, param="previous_response_id")
        found.append(stored)
        response_id = stored.previous_response_id
    return found[::-1]


def surviving_chain(stored: StoredResponse, shelf: Shelf) -> Sequence[StoredResponse]:
    """The same for one that is there, as far back as nothing was deleted or forgotten."""
    found = [stored]
    while (previous_id := found[-1].previous_response_id) is not None:
        previous = shelf.get(stored.owner, previous_id)
        if previous is None:
            break
        found.append(previous)
    return found[::-1]


def _finished(stored: StoredResponse) -> Iterator[Item]:
    """Input and output, without reasoning at the end that nothing followed: it was cut off."""
    yield from stored.items
    output: list[Item] = stored.body["output"]
    end = len(output)
    while end and output[end - 1].get("type") == "reasoning":
        end -= 1
    yield from output[:end]


def _refuse_repeated(items: Sequence[Item], before: Sequence[StoredResponse]) -> None:
    """Also by an id that the service gave an item when it stored it."""
    given = {one for stored in before for one in stored.ids}
    for item in items:
        repeated = item_id(item)
        if repeated in given and not _refers(item):
            raise duplicate_item(str(repeated))


def _resolved(item: Item, path: str, request: CreateRequest, shelf: Shelf, client: Client) -> Item:
    if not _refers(item):
        return item
    if "id" not in item:
        raise missing_parameter(f"{path}.id")
    wanted = item_id(item)
    if wanted is None:
        raise invalid_type(f"{path}.id", "a string", item["id"])
    found = shelf.item(client, wanted)
    if found is None:
        raise item_not_found(wanted, stored=request.store)
    return found[1]


def _refers(item: Item) -> bool:
    """An item_reference may leave out its type (published description of ItemReferenceParam)."""
    return item.get("type") == "item_reference" or (
        item.get("type") is None and "id" in item and item.keys() <= {"id", "type"}
    )


def _known(items: Sequence[Item], shelf: Shelf, client: Client) -> Iterator[tuple[str, str]]:
    """Thoughts of stored reasoning that came without its ciphertext."""
    for item in items:
        if item.get("type") != "reasoning" or item.get("encrypted_content") is not None:
            continue
        wanted = item_id(item) or ""
        found = shelf.item(client, wanted)
        if found is not None and wanted in found[0].thoughts:
            yield wanted, found[0].thoughts[wanted]
