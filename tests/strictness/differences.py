"""Every difference between mcpbridge and the official runner, with its reason. Transcripts name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`official` and `ours` finish the sentence "the official runner …" and "mcpbridge …"."""

    id: str
    official: str
    ours: str
    why: str


def _difference(id: str, *, official: str, ours: str, why: str) -> Difference:
    return Difference(id=id, official=official, ours=ours, why=why)


GOES_ON: Final = (
    _difference(
        "reported-failure",
        official="stops when a server tool reports a failure",
        ours="goes on: the failure is on record, and the model is told",
        why="Nothing was left open by it; the model can try something else, and each try is decided anew.",
    ),
    _difference(
        "inert-item",
        official="stops at any item kind it does not know",
        ours="keeps it and replays it, unless it looks like something that waits for an answer",
        why="Services add kinds all the time; a kind that asks for nothing has no effect here.",
    ),
    _difference(
        "object-arguments",
        official="stops at arguments that are an object and not text",
        ours="takes the object, and compares the call with the request by its value",
        why="Azure's guide shows this form. Different values are still a different call.",
    ),
    _difference(
        "empty-answer",
        official="stops when a response has neither a final message nor a call",
        ours="ends the turn with an empty answer",
        why="Some services say nothing after a denial. Nothing happens in such a response.",
    ),
    _difference(
        "failing-function",
        official="ends the run with the first function that raises",
        ours="tells the model that the function failed, and goes on",
        why="A failure is a result. The function is not run again by itself.",
    ),
    _difference(
        "undeclared-function",
        official="stops at a call of a function that was not registered",
        ours="denies that call as `unknown_tool`, on record, tells the model, and carries out the others",
        why="Models invent names. There is nothing to run, and each other call is decided by itself.",
    ),
    _difference(
        "malformed-arguments",
        official="stops at function arguments that are not a JSON object",
        ours="denies that call as `malformed`, on record, tells the model, and carries out the others",
        why="Models write broken JSON. A call that cannot be read is never run.",
    ),
    _difference(
        "lenient-message",
        official="stops at a message with a part, annotation, score or phase that it does not know",
        ours="keeps it, as long as its known parts have their text",
        why="Compatible services leave fields out. Nothing but what is shown depends on a message.",
    ),
    _difference(
        "lenient-reasoning",
        official="stops at reasoning without a summary, or with a part that it does not know",
        ours="keeps it, as long as its known parts have their text",
        why="Compatible services leave fields out. Reasoning is only ever replayed.",
    ),
    _difference(
        "lenient-built-in",
        official="stops at a built-in tool's item without its status and details",
        ours="keeps it: its id, its kind and where code ran are what is checked",
        why="The tool was declared and accepted as running unasked; its item is only replayed.",
    ),
    _difference(
        "no-first-event",
        official="stops at a stream that does not begin with `response.created`",
        ours="takes the response from the event that ends the stream",
        why="All that counts is in that event; some compatible services send little before it.",
    ),
    _difference(
        "first-end",
        official="takes the last of several `response.completed` events",
        ours="takes the first event that ends the stream, and reads no further",
        why="A response ends once. Either way one response is taken over, whole.",
    ),
)
"""Where mcpbridge does something that the official runner does not."""

STOPS: Final = (
    _difference(
        "strict-body",
        official="takes a body or event with a name that stands twice, NaN, infinite numbers or a byte "
        "order mark",
        ours="refuses it",
        why="What two readers could read in two ways is no answer.",
    ),
    _difference(
        "strict-arguments",
        official="approves any text as an approval's arguments, and runs functions on a last-one-wins "
        "reading",
        ours="denies names that stand twice, NaN, infinite numbers, half surrogates, too much depth, and "
        "what does not fit the function's schema",
        why="A policy that reads the first `amount` while the server reads the last has been talked past.",
    ),
    _difference(
        "stream-agrees",
        official="takes what the last event says, whatever the stream said before",
        ours="refuses a stream whose items and last event disagree about what would be done",
        why="A person may have watched the stream.",
    ),
    _difference(
        "end-is-the-end",
        official="takes a `response.completed` that comes after the response has ended",
        ours="reads no further than the first event that ends the stream",
        why="A response ends once.",
    ),
    _difference(
        "error-event",
        official="passes over an `error` event when `response.completed` follows",
        ours="takes the request as failed; with a live approval its outcome is unknown",
        why="The service said that something went wrong.",
    ),
    _difference(
        "late-call",
        official="accepts a call under a grant that earlier answers did not account for",
        ours="withdraws a grant that the answer to it does not account for, and refuses a call that comes "
        "later",
        why="Sent again, the approval could execute again; nobody knows whether it had run.",
    ),
    _difference(
        "one-space-of-ids",
        official="keeps item ids and call ids apart",
        ours="refuses an id that names two things, and a call id under which a hosted call is replayed",
        why="In a replay as function pairs the model would be shown one call's result as another's.",
    ),
    _difference(
        "empty-ids",
        official="takes an empty call id or tool name",
        ours="refuses it",
        why="An empty id joins whatever else has none.",
    ),
    _difference(
        "unlisted-tool",
        official="asks about a tool that its server does not list",
        ours="denies it as `unknown_tool` once the server was listed",
        why="Nobody has seen a definition of it.",
    ),
    _difference(
        "ambiguous-list",
        official="takes a list that defines one tool in two ways",
        ours="refuses it",
        why="A grant is bound to one definition.",
    ),
    _difference(
        "listed-shapes",
        official="takes any `input_schema`",
        ours="refuses a listed tool whose schema is no object",
        why="A known type with a wrong shape is an error.",
    ),
    _difference(
        "no-approval-filters",
        official="lets a part of a server's tools run unasked where the approval filter says so",
        ours="declares `always` or `never` for a whole server, and has every call under `always` asked",
        why="Which calls need no person is said by a policy here, per call and on record.",
    ),
    _difference(
        "unfinished-reasoning",
        official="takes reasoning that is in progress or incomplete",
        ours="refuses it",
        why="A completed response has no unfinished items.",
    ),
    _difference(
        "message-without-content",
        official="reads a streamed message whose content is null as an empty one",
        ours="refuses it, streamed or not",
        why="A known type with a wrong shape is an error.",
    ),
    _difference(
        "no-namespaces",
        official="takes a function call in a namespace of the function's own name",
        ours="refuses any namespace",
        why="None was declared.",
    ),
    _difference(
        "no-programs",
        official="takes a call by model-written code, unless a function's `allowed_callers` forbids it",
        ours="refuses it",
        why="A program could call it in a loop that nobody reviews.",
    ),
    _difference(
        "repeated-denials",
        official="asks about the same denied call as often as the model wants",
        ours="stops when the same call was denied three times in a turn",
        why="A person who is asked often enough says yes in the end.",
    ),
)
"""Where mcpbridge does less than the official runner."""
