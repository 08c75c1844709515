"""Items that a provider may not send, arguments that no parser should chew on."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared, HostedServer
from mcpbridge.core.entries import encode, function_pair
from mcpbridge.core.items import HostedCall, decode
from mcpbridge.core.question import visible
from mcpbridge.core.secret import MASK
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.errors import MalformedItem, ReplayInvariant
from mcpbridge.testing import approval_request, function_call, message, numbered, reasoning, response

FILES = Declared(servers={"files": HostedServer(label="files", identity="https://files.test/mcp")})


@pytest.mark.parametrize(
    "kind",
    [
        "additional_tools",
        "configuration_update",
        "compaction_trigger",
        "custom_tool_call_output",
        "computer_call_output",
        "local_shell_call_output",
        "something_new_output",
    ],
)
def test_declarations_and_answers_in_the_providers_mouth_are_refused(kind: str) -> None:
    with pytest.raises(MalformedItem, match="only we may write"):
        decode({"type": kind, "id": "x_1"})


@pytest.mark.parametrize("status", ["incomplete", "in_progress", "failed", 7])
@pytest.mark.parametrize(
    "item", [approval_request("files", "write"), function_call("f"), message("hi"), reasoning("r")]
)
def test_an_item_that_has_not_ended_well_is_refused(item: dict[str, Any], status: object) -> None:
    with pytest.raises(MalformedItem, match="not completed"):
        decode({**item, "status": status})


def test_an_approval_request_that_reports_an_error_is_refused() -> None:
    with pytest.raises(MalformedItem, match="reports an error"):
        decode({**approval_request("files", "write"), "error": "boom"})


def test_arguments_that_held_a_credential_are_refused() -> None:
    with pytest.raises(MalformedArguments, match="credential") as caught:
        parse_arguments(MASK)
    assert caught.value.code == "secret"


@pytest.mark.parametrize("text", ['\\"' * 500_000, '"' + '\\"' * 400_000 + "\\", "[{" * 400_000])
def test_no_text_takes_more_than_one_pass(text: str) -> None:
    with pytest.raises(MalformedArguments):
        parse_arguments(text)


def test_a_response_is_not_taken_over_while_the_one_before_is_unanswered() -> None:
    talk = Conversation(id="c").say("go").receive(response(approval_request("files", "write")), FILES)
    with pytest.raises(ReplayInvariant, match="unanswered"):
        talk.receive(response(message("ok")), FILES)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), object()])
def test_what_is_no_json_never_enters_a_conversation(value: object) -> None:
    with pytest.raises(MalformedItem, match="cannot be sent"):
        encode({"type": "message", "logprob": value})


def test_absurd_token_counts_are_bounded() -> None:
    body = {**numbered(response(message("ok")), 1), "usage": {"input_tokens": 10**4299, "output_tokens": -5}}
    usage = Conversation(id="c").say("go").receive(body, FILES).usage
    assert (usage.input_tokens, usage.output_tokens) == (2**53, 0)


def test_reasoning_that_nothing_followed_is_not_sent_once_the_user_speaks() -> None:
    talk = Conversation(id="c").say("go").receive(numbered(response(reasoning("x")), 1), FILES)
    sent = b",".join(talk.say("and?").request().encoded_items)
    assert b"reasoning" not in sent


def test_a_long_hosted_id_becomes_a_call_id_of_its_own_that_fits() -> None:
    call = HostedCall(
        id="mcp_" + "x" * 90,
        server_label="files",
        name="write",
        arguments="{}",
        approval_request_id=None,
        output="",
        error=None,
    )
    pair = [chunk.decode() for chunk in function_pair(call)]
    assert all('"call_id":"call_' in chunk for chunk in pair)
    assert max(len(chunk.split('"call_id":"')[1].split('"')[0]) for chunk in pair) <= 64


@pytest.mark.parametrize("blank", ["\u3164", "\u115f", "\u2800", "\ufe0f", "\U000e0101", "\u200b", "\u00ad"])
def test_what_cannot_be_seen_is_written_out_on_a_screen(blank: str) -> None:
    assert (
        visible(f"a{blank}b") == f"a\\u{ord(blank):04x}b" if ord(blank) < 65536 else f"a\\U{ord(blank):08x}b"
    )
