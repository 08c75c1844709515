"""A copy with changes is the same that `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.copies import replaced


def test_a_copy_has_the_changes_and_everything_else_as_it_was() -> None:
    before = Conversation(id="one", principal="ann", begun=("a",)).say("hello")

    after = replaced(before, id="two", begun=())

    assert after == replace(before, id="two", begun=())
    assert all(
        getattr(after, part.name) is getattr(before, part.name)
        for part in fields(Conversation)
        if part.name not in ("id", "begun")
    )
    assert (before.id, before.begun) == ("one", ("a",))


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Conversation has no field 'nobody'"):
        replaced(Conversation(id="one"), nobody=1)
