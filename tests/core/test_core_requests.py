"""What a request would carry, against the openai package's own types and the published description."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from mcpbridge.core.conversation import Conversation
from tests.core.randoms import conversations
from tests.core.talk import sent
from tests.service.published import published_problems, require_description


@cache
def _items() -> TypeAdapter[Any]:
    return TypeAdapter(ResponseInputItemParam)


def _known(conversation: Conversation) -> list[dict[str, Any]]:
    """The items of the next request, but for those of a kind nobody has heard of."""
    return [] if conversation.pending else [i for i in sent(conversation) if i["type"] != "from_the_future"]


@pytest.mark.promise("valid-requests")
@given(conversations(finished=True))
@settings(max_examples=60, deadline=None)
def test_every_item_is_one_that_the_openai_package_knows(conversation: Conversation) -> None:
    for item in _known(conversation):
        assert _items().validate_python(item, strict=False) is not None


@pytest.mark.promise("valid-requests")
@given(conversations(finished=True))
@settings(max_examples=25, deadline=None)
def test_every_item_is_one_that_the_published_description_knows(conversation: Conversation) -> None:
    require_description()
    for item in _known(conversation):
        assert published_problems("InputItem", item) == [], item
