"""The plug for a model: what a brain is shown, and what it must be able to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from mcpbridge.service.brains.acts import Act
from mcpbridge.service.items.sight import Sight
from mcpbridge.service.request.create import CreateRequest
from mcpbridge.service.wire import Ids, Item

if TYPE_CHECKING:
    from mcpbridge.service.brains.script import Fault


class Scene(Protocol):
    """One response being made, as the model sees it. Ask again after each act: results come in."""

    @property
    def request(self) -> CreateRequest:
        """What the client sent: instructions, declared tools, tool_choice, text format."""
        ...

    @property
    def sight(self) -> Sight:
        """The input as lines of text, with what this response has brought so far."""
        ...

    @property
    def items(self) -> Sequence[Item]:
        """The same as wire items, oldest first: the input (minus what a quirk hides), then this output."""
        ...

    @property
    def listed(self) -> Mapping[str, Sequence[Item]]:
        """The tools of each hosted server by label, as in mcp_list_tools, filtered by allowed_tools."""
        ...

    @property
    def ids(self) -> Ids:
        """Where new identifiers come from."""
        ...


class Brain(Protocol):
    """What stands in for the model."""

    def act(self, scene: Scene) -> AsyncIterator[Act]:
        """One pass. When hosted calls ran and nothing was said after them, it is called again.

        Raises ApiError when it knows no answer.
        """
        ...

    def next_fault(self, sight: Sight, *, post: int, stream: bool) -> Fault | None:
        """What is to go wrong with this request, if anything."""
        ...
