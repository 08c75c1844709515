"""What is carried along with a conversation's decisions is what they say, whatever way they came about."""

from __future__ import annotations

import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.decisions import Decided, Decisions
from mcpbridge.core.ruling import Outcome
from mcpbridge.core.state import dumps, loads


def decided(request: int, outcome: Outcome, fingerprint: int, turn: int) -> Decided:
    return Decided(
        request_id=f"call_{request}",
        server_label="bank",
        tool="pay",
        arguments="{}",
        rules=(),
        outcome=outcome.value,
        reason="",
        fingerprint=f"print_{fingerprint}",
        turn=turn,
    )


DECIDED = st.lists(
    st.builds(decided, st.integers(0, 5), st.sampled_from(Outcome), st.integers(0, 2), st.integers(0, 2)),
    max_size=20,
)


def carried(decisions: Decisions) -> tuple[frozenset[str], dict[tuple[int, str], int]]:
    return decisions.requests, dict(decisions.denials)


@given(DECIDED, DECIDED)
def test_what_is_carried_along_is_what_the_decisions_say_and_branches_know_nothing_of_each_other(
    first: list[Decided], second: list[Decided]
) -> None:
    trunk = Decisions(first)
    branches = [trunk, trunk]
    for index, order in enumerate((second, [*reversed(second)])):
        for one in order:
            branches[index] = branches[index].plus(one)
        assert branches[index] == (*first, *order)
        assert carried(branches[index]) == carried(Decisions((*first, *order)))
    assert carried(trunk) == carried(Decisions(first))
    for one in second:
        said = [
            each.outcome
            for each in branches[0]
            if (each.turn, each.fingerprint) == (one.turn, one.fingerprint)
        ]
        denied = [outcome for outcome in said if not Outcome(outcome).allowed]
        assert branches[0].denied(one.turn, one.fingerprint) == len(denied)


@given(DECIDED)
def test_it_is_no_part_of_saved_state_and_comes_back_from_the_decisions(made: list[Decided]) -> None:
    conversation = Conversation(id="conv_1")
    for one in made:
        conversation = conversation.decided(one)
    saved = dumps(conversation)
    assert "denials" not in saved
    assert "requests" not in saved
    back = loads(saved).decisions
    assert back == conversation.decisions
    assert carried(Decisions.of(back)) == carried(Decisions.of(conversation.decisions))


def test_nothing_is_counted_anew_from_one_call_to_the_next() -> None:
    conversation = Conversation(id="conv_1")
    for turn in range(3):
        conversation = conversation.say("Go on.").decided(decided(turn, Outcome.POLICY_DENY, 1, turn))
        carried_on = conversation.beginning("call_9").not_begun("call_9").again("call_9").decisions
        assert Decisions.of(carried_on) is conversation.decisions
    back = loads(dumps(conversation)).decisions
    assert Decisions.of(back) is back


def test_a_copy_carries_the_same() -> None:
    decisions = Decisions([decided(1, Outcome.POLICY_DENY, 1, 1)]).plus(
        decided(2, Outcome.POLICY_ALLOW, 1, 1)
    )
    for same in (copy.deepcopy(decisions), pickle.loads(pickle.dumps(decisions))):
        assert same == decisions
        assert carried(same) == carried(decisions)
