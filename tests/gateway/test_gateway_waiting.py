"""Tickets and forms: what stands between a client's answer and a call."""

from __future__ import annotations

import asyncio
from typing import Any

import mcp_types as types
import pytest

from mcpbridge.core.action import Action
from mcpbridge.core.question import Question, Wanted
from mcpbridge.core.ruling import Approve, Deny, Effect, Ruling
from mcpbridge.gateway.asking import Shows, answer_from, request_for
from mcpbridge.gateway.calls import Called
from mcpbridge.gateway.waiting import MOST, MOST_RUNNING, Asker, Waiting
from mcpbridge.ports import NobodyThere

FORMS = Shows(forms=True, pages=False, numbered=True)
PAGES = Shows(forms=True, pages=True, numbered=True)
FORM = {"type": "object", "properties": {"decision": {"type": "string"}}}


def question(wanted: Wanted | None = None) -> Question:
    return Question(
        action=Action(
            request_id="fc_1",
            server_label="shop",
            tool="burn",
            via="bridge",
            arguments={},
            raw_arguments="{}",
            server_identity="stdio:shop",
        ),
        ruling=Ruling(effect=Effect.ASK, outcome=None, reason=""),
        conversation_id="conv_1",
        principal="ana",
        screen="shop.burn",
        wanted=wanted,
    )


def asker(place: Waiting, **arguments: Any) -> Asker:
    return Asker(place=place, name="burn", arguments=arguments, shows=FORMS, by="client t")


def test_a_ticket_is_taken_once_and_for_its_own_call() -> None:
    place = Waiting()
    one = asker(place, key="a")
    ticket = place.ticket(one)
    assert place.take(ticket, name="burn", arguments={"key": "b"}) is None
    assert place.take(ticket, name="book", arguments={"key": "a"}) is None
    assert place.take(ticket, name="burn", arguments={"key": "a"}) is one
    assert place.take(ticket, name="burn", arguments={"key": "a"}) is None


@pytest.mark.promise("gateway-bounds")
def test_open_questions_are_bounded_and_their_end_makes_room() -> None:
    place = Waiting()
    tickets = [place.ticket(asker(place)) for _ in range(MOST)]
    with pytest.raises(NobodyThere, match="open already"):
        place.ticket(asker(place))
    place.void(tickets[0])
    assert place.ticket(asker(place))


@pytest.mark.promise("gateway-bounds")
def test_calls_under_way_are_bounded_and_stopped_at_the_end() -> None:
    async def whole() -> None:
        place, ended = Waiting(), list[int]()

        async def call(number: int) -> Called:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)
            return Called(output="", failed=True)

        for number in range(MOST_RUNNING):
            assert not place.full
            place.begin(call(number))
        assert place.full
        await asyncio.sleep(0)
        await place.close()
        assert len(ended) == MOST_RUNNING
        assert not place.full

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("action", "content"),
    [("accept", {}), ("accept", {"decision": "no"}), ("accept", {"decision": "Yes"}), ("accept", None),
     ("accept", {"decision": True}), ("decline", {"decision": "yes"})],
)  # fmt: skip
def test_only_an_accepted_yes_is_a_yes(action: Any, content: Any) -> None:
    result = types.ElicitResult(action=action, content=content)
    assert isinstance(answer_from(result, question(), FORMS, by="t"), Deny)
    yes = types.ElicitResult(action="accept", content={"decision": "yes"})
    assert answer_from(yes, question(), FORMS, by="t") == Approve(by="t")


def test_a_question_that_is_closed_is_nobody_s_answer() -> None:
    with pytest.raises(NobodyThere):
        answer_from(types.ElicitResult(action="cancel"), question(), FORMS, by="t")


def test_a_server_s_form_can_never_answer_for_a_call() -> None:
    """A form that looks like ours gives the server its values, and is no approval of anything else."""
    wanted = question(Wanted(form=FORM))
    request = request_for(wanted, FORMS).params
    assert isinstance(request, types.ElicitRequestFormParams)
    assert request.requested_schema == FORM
    assert request.message == "shop.burn"
    yes = types.ElicitResult(action="accept", content={"decision": "yes"})
    assert answer_from(yes, wanted, FORMS, by="t") == Approve(by="t", arguments={"decision": "yes"})


def test_a_page_to_visit_is_shown_as_one_or_else_put_as_a_plain_question() -> None:
    wanted = question(Wanted(url="https://pay.example.com/x", id="visit-1"))
    page = request_for(wanted, PAGES).params
    assert isinstance(page, types.ElicitRequestURLParams)
    assert (page.url, page.elicitation_id) == ("https://pay.example.com/x", "visit-1")
    accepted = types.ElicitResult(action="accept")
    assert answer_from(accepted, wanted, PAGES, by="t") == Approve(by="t")
    plain = request_for(wanted, FORMS).params
    assert isinstance(plain, types.ElicitRequestFormParams)
    assert "decision" in plain.requested_schema["properties"]
    assert isinstance(answer_from(accepted, wanted, FORMS, by="t"), Deny)
