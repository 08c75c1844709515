"""Answers broken in any way, from a seed: the same seed always breaks the same answer in the same way."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from mcpbridge.service.wire import is_list, is_object
from tests.strictness.transcript import (
    Item,
    adds,
    asks,
    called,
    done,
    lists,
    says,
    text,
    thinks,
    unasked,
)

Body = dict[str, Any]

JUNK: Final[tuple[Any, ...]] = (
    None, True, False, 0, 7, -1, 1.5, 10**30, "", "x", "mcpr_1", "mcpr_2", "call_1", "files", "write", "add",
    "completed", "failed", "\ud800", "\x00", "f\u0456les", "x" * 5_000, [], {}, [[]], [None], ["mcpr_1"],
    {"type": "direct"}, {"a": {"b": {"c": []}}}, '{"path": "/"}', '{"path": "a", "path": "/"}', "{", "NaN",
)  # fmt: skip
"""Values of every kind, and some that mean something elsewhere."""

HOSTILE: Final[tuple[Any, ...]] = (
    None, "message", 7, [], {},
    {"type": "mcp_approval_response", "id": "mcpa_9", "approval_request_id": "mcpr_1", "approve": True},
    {"type": "function_call_output", "id": "fo_9", "call_id": "call_1", "output": "3"},
    {"type": "item_reference", "id": "mcpr_1"},
    {"type": "computer_call", "id": "cu_9", "call_id": "call_9", "action": {"type": "click"}},
    {"type": "from_the_future", "id": "ff_9", "approve": True},
    asks("mcpr_9", "mail"), asks("mcpr_9", tool="delete"),
    asks("mcpr_9", tool="write", arguments='{"path": "/"}'),
    asks("mcpr_1", arguments='{"path": "/"}'), asks("mcpr_2", tool="write", arguments='{"path": "/"}'),
    called("mcpr_9", id="mcp_9"), called("mcpr_1", tool="write", id="mcp_9"),
    unasked("files", "delete", id="mcp_9"),
    {**adds("call_9"), "name": "no", "id": "fc_9"}, {**adds("call_9"), "name": "rm", "id": "fc_9"},
    {**adds("call_1"), "id": "fc_9"}, thinks(id="rs_9"), text(id="msg_9"), lists("mail", "send", id="mcpl_9"),
)  # fmt: skip
"""Items that a sound answer does not hold."""


def replace_a_value(rng: Random, body: Any) -> Any:
    holder, key = rng.choice(_places(body))
    holder[key] = copy.deepcopy(rng.choice(JUNK))
    return body


def drop_a_field(rng: Random, body: Any) -> Any:
    holder, key = rng.choice(_places(body))
    del holder[key]
    return body


def rename_a_field(rng: Random, body: Any) -> Any:
    holder, key = rng.choice([place for place in _places(body) if is_object(place[0])])
    holder[rng.choice(("id", "type", "call_id", "name", "arguments", "x", key.upper()))] = holder.pop(key)
    return body


def swap_two_values(rng: Random, body: Any) -> Any:
    (first, at), (second, there) = rng.choice(_places(body)), rng.choice(_places(body))
    one, other = copy.deepcopy(first[at]), copy.deepcopy(second[there])
    first[at], second[there] = other, one
    return body


def nest_a_value(rng: Random, body: Any) -> Any:
    holder, key = rng.choice(_places(body))
    for _ in range(rng.choice((1, 3, 70, 210))):
        holder[key] = [holder[key]] if rng.random() < 0.5 else {"x": holder[key]}
    return body


def change_an_id(rng: Random, body: Any) -> Any:
    named = [place for place in _places(body) if str(place[1]).endswith("id") or place[1] == "server_label"]
    if named:
        holder, key = rng.choice(named)
        other, there = rng.choice(named)
        holder[key] = rng.choice((other[there], "mcpr_1", "call_1", "mcpr_9", 7, None, ""))
    return body


def insert_an_item(rng: Random, body: Any) -> Any:
    output = _output(body)
    output.insert(rng.randint(0, len(output)), copy.deepcopy(rng.choice(HOSTILE)))
    return body


def repeat_an_item(rng: Random, body: Any) -> Any:
    output = _output(body)
    if output:
        twin = copy.deepcopy(rng.choice(output))
        if is_object(twin) and rng.random() < 0.5:
            twin[rng.choice(("id", "call_id", "arguments", "name"))] = rng.choice(JUNK)
        output.insert(rng.randint(0, len(output)), twin)
    return body


def shuffle_the_items(rng: Random, body: Any) -> Any:
    rng.shuffle(_output(body))
    return body


def change_a_status(rng: Random, body: Any) -> Any:
    holder = rng.choice([body, *(item for item in _output(body) if is_object(item))])
    holder["status"] = rng.choice(("failed", "incomplete", "in_progress", "cancelled", "queued", "", None, 7))
    return body


IN_JSON: Final[tuple[Callable[[Random, Any], Any], ...]] = (
    replace_a_value, drop_a_field, rename_a_field, swap_two_values, nest_a_value, change_an_id,
    insert_an_item, repeat_an_item, shuffle_the_items, change_a_status,
)  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Where each value of a JSON document stands; deeply nested junk is looked at from outside."""
    found: list[tuple[Any, Any]] = []
    open_: list[tuple[Any, int]] = [(value, 0)]
    while open_:
        holder, depth = open_.pop()
        pairs = holder.items() if is_object(holder) else enumerate(holder) if is_list(holder) else ()
        for key, inner in pairs:
            found.append((holder, key))
            if depth < 12:
                open_.append((inner, depth + 1))
    return found or [({"x": 1}, "x")]


def _output(body: Any) -> list[Any]:
    output = body.get("output") if is_object(body) else None
    return output if is_list(output) else []


def cut(rng: Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


def lose_a_part(rng: Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def repeat_a_part(rng: Random, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:end] + data[start:end] * rng.choice((1, 2, 50)) + data[end:]


def flip_bytes(rng: Random, data: bytes) -> bytes:
    flipped = bytearray(data)
    for _ in range(rng.choice((1, 3, 20)) if data else 0):
        flipped[rng.randrange(len(flipped))] = rng.randrange(256)
    return bytes(flipped)


def insert_bytes(rng: Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    piece = rng.choice(
        (b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\x00", b"\r", b"\n", b"\n\n", b"\r\n\r\n",
         b"}", b"{", b'"', b"\\", b"NaN", b"data: ", b"data: [DONE]\n\n",
         b"event: error\n", b": x\n", b"1" * 5_000)
    )  # fmt: skip
    return data[:at] + piece + data[at:]


def other_line_ends(rng: Random, data: bytes) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"", b"\n\r")))


def other_field_names(rng: Random, data: bytes) -> bytes:
    return data.replace(b"data:", rng.choice((b"data", b"Data:", b" data:", b"data :", b"", b"date:")))


def make_it_huge(rng: Random, data: bytes) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice((b" ", b"[", b"\n", b": x\n", b'"x",', b"9")) * 200_000 + data[at:]


def other_encoding(rng: Random, data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-8-sig", "utf-32-be", "utf-7")))


IN_BYTES: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (
    cut, lose_a_part, repeat_a_part, flip_bytes, flip_bytes, insert_bytes, insert_bytes, other_line_ends,
    other_field_names, make_it_huge, other_encoding,
)  # fmt: skip


def _span(rng: Random, data: bytes) -> tuple[int, int]:
    start, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return start, min(end, start + 2_000)


def break_the_events(rng: Random, events: list[Item]) -> list[Item]:
    """Events dropped, doubled, in another order, after the end, or with two ends."""
    broken, at = [*events], rng.randrange(len(events))
    match rng.randrange(8):
        case 0:
            del broken[at]
        case 1:
            broken.insert(rng.randint(0, len(broken)), broken[at])
        case 2:
            rng.shuffle(broken)
        case 3:
            broken.insert(0, broken.pop())
        case 4:
            broken.append(done(copy.deepcopy(rng.choice(HOSTILE)), 9))
        case 5:
            twin = copy.deepcopy(dict(events[-1]))
            twin["response"] = rng.choice(IN_JSON)(rng, twin.get("response", {}))
            broken.insert(rng.choice((0, len(broken) - 1, len(broken))), twin)
        case 6:
            changed = copy.deepcopy(dict(broken[at]))
            broken[at] = rng.choice((replace_a_value, drop_a_field, swap_two_values))(rng, changed)
        case _:
            broken[at] = {**broken[at], "type": rng.choice((*(str(e["type"]) for e in events), "error", "x"))}
    return broken


def sound(number: int, reply: int) -> Body:
    """The `reply`-th answer of a sound conversation."""
    return copy.deepcopy(says(*SOUND[number][reply]).body(reply + 1))


SOUND: Final[tuple[Sequence[Sequence[Item]], ...]] = (
    (
        (lists("files", "read", "write", "delete"), thinks(), asks(), asks("mcpr_2", tool="write"), adds()),
        (called(), called("mcpr_2", tool="write"), adds("call_2"), text("Now.", phase="commentary")),
        (text(),),
    ),
    (
        (thinks(), adds(), {**adds("call_2"), "name": "no"}, asks("mcpr_1", tool="delete")),
        (thinks(), asks("mcpr_2", tool="write"), asks("mcpr_3")),
        (called("mcpr_3"), thinks(), called("mcpr_2", tool="write"), text()),
    ),
    (
        (text("First.", phase="commentary"), adds(), {"type": "from_the_future", "id": "ff_1", "x": [1]}),
        (asks("mcpr_1", tool="write"), adds("call_2"), adds("call_3")),
        (
            called(
                "mcpr_1",
                tool="write",
                output=None,
                error={"type": "http_error", "code": 502, "message": "no"},
            ),
            text(),
        ),
    ),
)
"""Sound conversations of three answers each."""


def broken_body(rng: Random, body: Body) -> bytes:
    """An answer that does not stream, broken in one to three ways."""
    changed: Any = body
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if rng.random() < 0.7:
            changed = rng.choice(IN_JSON)(rng, changed)
        else:
            return rng.choice(IN_BYTES)(rng, json.dumps(changed).encode())
    return json.dumps(changed).encode()


def broken_stream(rng: Random, body: Body) -> bytes:
    """An answer that streams, broken in its items, its events or its bytes."""
    if rng.random() < 0.4:
        body = rng.choice(IN_JSON)(rng, body)
    events = _events(body, differing=rng.random() < 0.2, rng=rng)
    if rng.random() < 0.5:
        events = break_the_events(rng, events)
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    return rng.choice(IN_BYTES)(rng, data) if rng.random() < 0.4 else data


def _events(body: Body, *, differing: bool, rng: Random) -> list[Item]:
    """The events of an answer; `differing`: the items on the way are not those of the end."""
    shown = copy.deepcopy(_output(body))
    if differing and shown:
        rng.choice(IN_JSON)(rng, {"output": shown})
    dones = [done(item, index) for index, item in enumerate(shown)]
    return [
        {"type": "response.created", "response": {"id": "resp"}},
        *dones,
        {"type": "response.completed", "response": body},
    ]
