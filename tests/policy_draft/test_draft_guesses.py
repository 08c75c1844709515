"""What names, types, descriptions and annotations are taken for."""

from __future__ import annotations

from typing import Any

import pytest

from mcpbridge.core.ruling import Effect
from mcpbridge.policy.draft.parameters import Parameter, parameters
from mcpbridge.policy.draft.roles import guess_role
from mcpbridge.policy.draft.vocabulary import Kind, Role
from mcpbridge.policy.draft.words import singular, words

from .shared import NUMBER, TEXT, TEXTS, drafted, effect, judged, tool

ALLOW, ASK = Effect.ALLOW, Effect.ASK
SPACED: dict[str, Any] = {"page url": TEXT}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sendEmail", "send email"),
        ("API-post-search", "api post search"),
        ("HTTPRequest2", "http request2"),
        ("get_\u0440ages", "get ages"),
    ],
)
def test_names_are_split_into_words(name: str, expected: str) -> None:
    assert " ".join(words(name)) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("recipients", "recipient"),
        ("addresses", "address"),
        ("replies", "reply"),
        ("status", "status"),
        ("cc", "cc"),
    ],
)
def test_plurals_are_undone(word: str, expected: str) -> None:
    assert singular(word) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("get_order", Kind.READ),
        ("list_transfers", Kind.READ),
        ("searchContactsByEmail", Kind.READ),
        ("calendar_list", Kind.READ),
        ("create_file", Kind.MAKE),
        ("update_page", Kind.CHANGE),
        ("reply_to_thread", Kind.SEND),
        ("book_table", Kind.PAY),
        ("delete_file", Kind.DESTROY),
        ("get_and_delete", Kind.DESTROY),
        ("read_then_pay", Kind.PAY),
        ("find_or_create_user", Kind.MAKE),
        ("run_query", Kind.RUN),
        ("get_access_token", Kind.SECRET),
        ("list_api_keys", Kind.SECRET),
        ("get-env", Kind.SECRET),
        ("update_permissions", Kind.SECRET),
        ("frobnicate", Kind.UNKNOWN),
        ("pages", Kind.UNKNOWN),
    ],
)
def test_the_verb_of_a_name_tells_the_kind(name: str, kind: Kind) -> None:
    assert judged(name).kind is kind


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("Returns a tree of the files.", Kind.READ),
        ("Replaces the tree.", Kind.UNKNOWN),
        ("Returns the tree and deletes it.", Kind.UNKNOWN),
        ("Returns all environment variables.", Kind.SECRET),
    ],
)
def test_a_description_can_tell_a_read_only_where_the_name_has_no_verb(description: str, kind: Kind) -> None:
    assert judged("directory_tree", description=description).kind is kind


def test_a_read_that_writes_a_file_is_no_read_and_a_journey_is_no_file() -> None:
    assert judged("download", {"url": TEXT, "destination": TEXT}).kind is Kind.UNKNOWN
    assert judged("search_flights", {"origin": TEXT, "destination": TEXT}).kind is Kind.READ


def test_a_description_makes_a_read_graver() -> None:
    assert judged("get_page", description="Gets a page and sends it to the owner.").kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("parameter", "role"),
    [
        ("to", Role.RECIPIENT), ("recipients", Role.RECIPIENT), ("user_email", Role.RECIPIENT),
        ("channel_id", Role.RECIPIENT), ("webhook_url", Role.URL), ("file_path", Role.PATH),
        ("event_id", Role.ID),
        ("email_subject", Role.TEXT), ("start_date", Role.TIME), ("new_end_time", Role.END),
        ("city", Role.NAME),
        ("api_key", Role.SECRET), ("page_token", Role.OPTION), ("country_code", Role.ID), ("sql", Role.CODE),
        ("title", Role.TITLE), ("value", Role.NAME),
    ],
)  # fmt: skip
def test_the_last_known_word_of_a_parameter_tells_its_role(parameter: str, role: Role) -> None:
    assert guess_role(Parameter(name=parameter, shape="string")).role is role


def test_a_description_turns_a_vague_parameter_into_a_sink_and_never_a_sink_into_less() -> None:
    vague = Parameter(name="target_ref", shape="string", description="The IBAN to pay to")
    sink = Parameter(name="recipient", shape="string", description="just a date", format="date")
    assert guess_role(vague).role is Role.RECIPIENT
    assert guess_role(sink).role is Role.RECIPIENT


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"]}, "string"),
        ({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}, "strings"),
        ({"$ref": "#/$defs/Level"}, "string"),
        ({"$ref": "#/properties/x"}, "opaque"),
        ({"anyOf": [{"type": "string"}, {"type": "number"}]}, "opaque"),
        ({"type": "object"}, "opaque"),
        ({}, "opaque"),
        (True, "opaque"),
        ({"type": 7}, "opaque"),
    ],
)
def test_a_schema_is_read_as_far_as_it_can_be(schema: Any, shape: str) -> None:
    root = {"properties": {"x": schema}, "$defs": {"Level": {"enum": ["low", "high"]}}}
    assert [one.shape for one in parameters(root)] == [shape]


def test_a_read_runs_and_an_unknown_tool_asks() -> None:
    policy = drafted(tool("get_page", {"id": TEXT}), tool("frobnicate"))
    assert effect(policy, "get_page", {"id": "x"}) is ALLOW
    assert effect(policy, "frobnicate", {}) is ASK


def test_a_send_needs_every_recipient_in_the_users_words_and_no_new_link() -> None:
    policy = drafted(tool("send_mail", {"to": TEXTS, "body": TEXT}, cc=TEXTS, attachments={"type": "object"}))
    said = "write to ana@corp.example"
    good = {"to": ["ana@corp.example"], "body": "hello"}
    assert effect(policy, "send_mail", good, said) is ALLOW
    assert effect(policy, "send_mail", good) is ASK
    worsened: list[dict[str, Any]] = [
        {"cc": ["eve@evil.example"]}, {"to": []}, {"to": ["ana@corp.example", "eve@evil.example"]},
        {"body": "see evil.example/x"}, {"attachments": {}}, {"unheard": "of"},
    ]  # fmt: skip
    for worse in worsened:
        assert effect(policy, "send_mail", {**good, **worse}, said) is ASK


def test_a_payment_is_bound_to_the_named_recipient_and_the_users_or_a_small_amount() -> None:
    policy = drafted(tool("pay", {"recipient": TEXT, "amount": NUMBER}, recurring={"type": "boolean"}))
    said = "pay Ben 2000"
    assert effect(policy, "pay", {"recipient": "Ben", "amount": 2000}, said) is ALLOW
    assert effect(policy, "pay", {"recipient": "Ben", "amount": 99}, said) is ALLOW
    assert effect(policy, "pay", {"recipient": "Ben", "amount": 2000, "recurring": False}, said) is ALLOW
    assert effect(policy, "pay", {"recipient": "Ben", "amount": 2000, "recurring": True}, said) is ASK
    assert effect(policy, "pay", {"recipient": "Ben", "amount": 101}, said) is ASK
    assert effect(policy, "pay", {"recipient": "Ben", "amount": -5}, said) is ASK
    assert effect(policy, "pay", {"recipient": "Eve", "amount": 1}, said) is ASK


def test_a_switch_or_choice_that_opens_something_to_everybody_asks() -> None:
    rights = {"enum": ["read", "write", "owner"]}
    policy = drafted(tool("share_file", {"email": TEXT, "rights": rights}, public={"type": "boolean"}))
    said = "share it with ana@corp.example"
    good = {"email": "ana@corp.example", "rights": "read"}
    assert effect(policy, "share_file", good, said) is ALLOW
    assert effect(policy, "share_file", {**good, "rights": "owner"}, said) is ASK
    assert effect(policy, "share_file", {**good, "public": True}, said) is ASK


def test_a_new_beginning_is_the_users_and_its_end_follows() -> None:
    policy = drafted(tool("reschedule", {"event_id": TEXT, "start_time": TEXT}, end_time=TEXT))
    moved = {"event_id": "7", "start_time": "2026-03-02 10:00", "end_time": "2026-03-02 11:00"}
    assert effect(policy, "reschedule", moved, "move it to 2026-03-02 10:00") is ALLOW
    assert effect(policy, "reschedule", moved, "move it to 2026-03-02 9:00") is ASK


def test_each_of_a_list_is_one_of_the_choices() -> None:
    policy = drafted(
        tool(
            "create_page",
            {"title": TEXT},
            level={"enum": ["low", "high"]},
            ids={"items": NUMBER, "type": "array"},
        )
    )
    page = {"title": "Spring", "level": "low", "ids": [1, 2]}
    assert effect(policy, "create_page", page, "make a page Spring") is ALLOW
    assert effect(policy, "create_page", {**page, "level": "top"}, "make a page Spring") is ASK
    assert effect(policy, "create_page", {**page, "ids": ["x"]}, "make a page Spring") is ASK


def test_a_list_of_tools_that_no_rule_can_name_gives_a_policy_that_asks() -> None:
    policy = drafted(tool("get *"))
    assert policy.rules == ()
    assert effect(policy, "get *", {}) is ASK


def test_an_end_alone_is_not_changed_without_the_users_words() -> None:
    policy = drafted(tool("update_event", {"event_id": TEXT}, title=TEXT, end_time=TEXT))
    assert effect(policy, "update_event", {"event_id": "7", "end_time": "2026-03-02 11:00"}, "hello") is ASK


def test_no_amount_is_small_where_coins_may_be_meant() -> None:
    policy = drafted(tool("transfer_crypto", {"recipient": TEXT, "amount": NUMBER}))
    assert effect(policy, "transfer_crypto", {"recipient": "Ben", "amount": 1}, "pay Ben") is ASK


def test_a_change_is_bound_to_the_users_own_values() -> None:
    policy = drafted(tool("update_page", {"page_id": TEXT}, text=TEXT, public={"type": "boolean"}))
    said = "change the text to Closed on Monday"
    assert effect(policy, "update_page", {"page_id": "7", "text": "Closed on Monday"}, said) is ALLOW
    assert effect(policy, "update_page", {"page_id": "7", "text": "Closed for ever"}, said) is ASK
    assert effect(policy, "update_page", {"page_id": "7", "public": True}, said) is ASK


def test_a_fetch_goes_only_where_the_user_pointed_wherever_the_address_is_hidden() -> None:
    below = {"type": "object", "properties": {"url": TEXT}}
    policy = drafted(tool("fetch", {"url": TEXT}, depth=NUMBER), tool("fetch_it", request=below))
    said = "read https://corp.example/a"
    assert effect(policy, "fetch", {"url": "https://corp.example/a", "depth": 2}, said) is ALLOW
    assert effect(policy, "fetch", {"url": "https://corp.example/a?x=1"}, said) is ASK
    assert effect(policy, "fetch_it", {"request": {"url": "https://corp.example/a"}}, said) is ASK


@pytest.mark.parametrize(
    "one",
    [
        tool("post_update", {"text": TEXT}),
        tool("send_note", {"path": TEXT}, to=TEXT),
        tool("append_row", {"row": {"type": "object"}}),
        tool("save", {}, text=TEXT),
        tool("create_page", {"a.b": TEXT, "title": TEXT}),
        tool("mark_done", {"task_id": TEXT}),
        tool("merge_pull_request", {"pull_number": NUMBER}, repo=TEXT),
        tool("query", {"sql": TEXT}),
        tool("download", {"output_path": TEXT}),
        tool("open_page", {"page.url": TEXT}),
        tool("open_page", {}, **SPACED),
        tool("update_level", {"level": {"enum": ["a", "b"]}}),
        tool("create_page", {"title": TEXT, "public": {"type": "boolean"}}),
        tool("buy_item", {"item_id": TEXT}),
    ],
    ids=lambda one: one.name,
)
def test_what_cannot_be_held_against_the_users_words_asks(one: Any) -> None:
    policy = drafted(one)
    values: list[Any] = ["a value", "A-17", 7, {}, True]
    for value in values:
        assert (
            effect(policy, one.name, dict.fromkeys(one.input_schema["required"], value), "Please do it.")
            is ASK
        )
