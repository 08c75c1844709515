"""What users wrote, prepared once for all rulings that look at the same state of a conversation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mcpbridge.policy.said.words import UserWords

_STATES: Final = 64
"""So many conversations at the same time pay for nothing twice; each keeps a few copies of its texts."""


class Remembered:
    """The last states of conversations by their texts: equal texts are prepared alike, whoever wrote them."""

    @cached_property
    def words(self) -> Callable[[tuple[str, ...]], UserWords]:
        """The texts, prepared for looking things up."""
        from mcpbridge.policy.said.words import UserWords  # only policies that ask for words need it

        return lru_cache(maxsize=_STATES)(UserWords)
