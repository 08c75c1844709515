"""Random conversations that keep the rules of the wire."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from mcpbridge.core.approval import Vote
from mcpbridge.core.conversation import ApprovalAnswer, Conversation, FunctionAnswer, Grant
from mcpbridge.core.decisions import Decided
from mcpbridge.core.entries import McpResults
from mcpbridge.core.items import ApprovalRequest
from mcpbridge.testing import approval_request, function_call, mcp_call, mcp_list_tools, message, reasoning
from tests.core.talk import hear

TEXT = st.text(max_size=8) | st.sampled_from(["\ud800", "\x00\x1b", "\u202e", "é😀"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
TIMES = st.floats(0, 4e9)
ARGUMENTS = st.dictionaries(st.sampled_from(["path", "x"]), JSON, max_size=2)


def as_read(value: Any) -> Any:
    """A value as a JSON reader gives it: the wire never brings two halves of a pair apart."""
    return json.loads(json.dumps(value))


@st.composite
def conversations(draw: st.DrawFn, *, finished: bool = False) -> Conversation:
    """A few turns of everything; with `finished`, nothing is left open."""
    mode: McpResults = draw(st.sampled_from(["native", "function_pair"]))
    talk = Conversation(id=draw(st.just("conv_1") | TEXT), principal=draw(TEXT), mcp_results=mode)
    talk = talk.say(as_read(draw(TEXT)))
    for number in range(draw(st.integers(1, 4))):
        live = list(talk.approved.values())
        talk = talk.sending()
        lost: bool = draw(st.booleans())
        if talk.begun and lost:  # its answer was lost, and a person had it tried again
            talk = talk.repeat_unknown(talk.begun[0]).sending()
        talk = hear(talk, *_items(draw, number, live))
        if draw(st.booleans()) or finished:
            talk = _answered(draw, talk)
        if talk.pending:
            break
        if draw(st.booleans()):
            talk = talk.say(as_read(draw(TEXT)), context=draw(st.booleans()))
    return talk


def _items(draw: st.DrawFn, number: int, live: list[ApprovalRequest]) -> list[dict[str, Any]]:
    ran = [
        mcp_call(
            one.server_label, one.name, one.arguments, approval_request_id=one.id, output=as_read(draw(TEXT))
        )
        for one in live
        if draw(st.booleans())
    ]
    new = draw(
        st.lists(st.sampled_from(["ask", "function", "think", "say", "list", "new", "seen"]), max_size=5)
    )
    return ran + [_item(draw, kind, f"{number}_{place}") for place, kind in enumerate(new)]


def _item(draw: st.DrawFn, kind: str, name: str) -> dict[str, Any]:
    match kind:
        case "ask":
            return approval_request("files", "read", as_read(draw(ARGUMENTS)), id=f"mcpr_{name}")
        case "function":
            return function_call("add", as_read(draw(ARGUMENTS)), call_id=f"call_{name}")
        case "think":
            return reasoning(draw(st.none() | st.just("gAAA")))
        case "list":
            return mcp_list_tools("files", "read", {"name": "w", "input_schema": as_read(draw(ARGUMENTS))})
        case "seen":
            return mcp_call("seen", "look", as_read(draw(ARGUMENTS)), approval_request_id=None)
        case "new":
            return {"type": "from_the_future", "id": f"ff_{name}", "value": as_read(draw(JSON))}
        case _:
            return message(as_read(draw(TEXT)))


def _answered(draw: st.DrawFn, talk: Conversation) -> Conversation:
    for call in draw(st.permutations(talk.pending)):
        if isinstance(call, ApprovalRequest):
            talk = talk.answer(ApprovalAnswer(request_id=call.id, approve=draw(st.booleans()), reason="r"))
        else:
            talk = talk.answer(FunctionAnswer(request_id=call.id, output=as_read(draw(TEXT))))
        talk = talk.decided(_decision(draw, call.id))
    if draw(st.booleans()):
        talk = talk.granted(_grant(draw))
    if draw(st.booleans()):
        talk = talk.voted("mcpr_old", _vote(draw)).voted("mcpr_old", _vote(draw))
    return talk.asking("mcpr_old", "hash", at=draw(TIMES)).again("mcpr_old")


def _grant(draw: st.DrawFn) -> Grant:
    return Grant(
        fingerprint="f",
        definition_hash=as_read(draw(TEXT)),
        principal=as_read(draw(TEXT)),
        request_id="r",
        id=as_read(draw(TEXT)),
        server_identity=as_read(draw(TEXT)),
        name=as_read(draw(TEXT)),
        bound=as_read(draw(st.dictionaries(TEXT, TEXT, max_size=3))),
        arguments=tuple(as_read(draw(st.lists(TEXT, max_size=3)))),
        made_at=draw(TIMES),
        expires=draw(st.none() | TIMES),
        uses=draw(st.none() | st.integers(1, 9)),
        used=draw(st.integers(0, 9)),
        needs=tuple(as_read(draw(st.lists(TEXT, max_size=2)))),
    )


def _vote(draw: st.DrawFn) -> Vote:
    return Vote(
        by=as_read(draw(TEXT)),
        screen_hash="hash",
        at=draw(TIMES),
        reason=as_read(draw(TEXT)),
        always=draw(st.booleans()),
        ttl=draw(st.none() | TIMES),
        uses=draw(st.none() | st.integers(1, 9)),
    )


def _decision(draw: st.DrawFn, request_id: str) -> Decided:
    return Decided(
        request_id=request_id,
        server_label="files",
        tool="read",
        arguments="{}",
        rules=tuple(draw(st.lists(TEXT, max_size=2))),
        outcome="policy_allow",
        reason=as_read(draw(TEXT)),
        fingerprint="f",
        turn=1,
        seq=draw(st.integers(0, 9)),
    )
