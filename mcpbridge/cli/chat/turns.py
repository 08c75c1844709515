"""One turn of a chat: what the Bridge does with it, and what a person is told about its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcpbridge.bridge.result import Result
from mcpbridge.cli.chat.room import Room
from mcpbridge.cli.chat.signals import Interrupted, Leaving
from mcpbridge.cli.exits import COMPLETED, PAUSED
from mcpbridge.cli.run_end import broken, call_name
from mcpbridge.cli.show import RED, YELLOW
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Answer
from mcpbridge.engine.loop import Turn
from mcpbridge.errors import McpbridgeError, UsageError


async def say(room: Room, prompt: str | Sequence[Mapping[str, Any]]) -> None:
    """Send a message, unless something is open."""
    blocked = _open(room.conversation)
    if blocked:
        room.screen.say(f"Not sent: {blocked} Press Enter to decide, then send it again.")
        return
    await _advance(room, prompt)


async def go_on(room: Room) -> None:
    """Ask what is open, and go on with what was interrupted."""
    state = room.conversation
    answers: Mapping[str, Answer] = {}
    if state.unknown and room.person is not None:
        try:
            decided = await room.signals.run(room.person.resolve(state))
        except Interrupted:
            room.screen.say()
            decided = None
        if decided is None:
            room.screen.say("Left as it is; nothing goes on before it is decided.")
            return
        answers = decided
    if not answers and (state.finished or not state.entries):
        room.screen.say("Nothing is open.")
        return
    await _advance(room, None, answers)


async def _advance(
    room: Room, prompt: str | Sequence[Mapping[str, Any]] | None, answers: Mapping[str, Answer] | None = None
) -> None:
    stream = room.parts.config.model.stream is not False
    room.screen.forget()
    try:
        turn = room.bridge.turn(
            prompt,
            conversation=room.conversation,
            stream=stream,
            checkpoint=None if room.keeper.path is None else room.keeper.checkpoint,
            decisions=answers,
        )
    except UsageError as error:
        room.screen.line("failed", str(error), RED)
        return
    try:
        with room.screen.terminal.echo(False):
            result = await room.signals.run(_run(room, turn))
        room.conversation = turn.conversation
        _ended(room, result)
    except Interrupted:
        room.conversation = turn.conversation
        room.code = 130
        _cancelled(room)
    except Leaving:
        room.conversation = turn.conversation
        raise
    except McpbridgeError as error:
        room.conversation = turn.conversation
        _failed(room, error)
    finally:
        room.screen.close()
        _keep(room)


async def _run(room: Room, turn: Turn) -> Result:
    room.screen.waiting()
    return await room.bridge.finish(turn, on_event=room.screen.event)


def _ended(room: Room, result: Result) -> None:
    room.code = PAUSED if result.paused else COMPLETED
    for question in result.questions:
        room.screen.question(f"{question.screen}\n  id         {question.action.request_id}")
    if result.paused or result.text:
        return
    denied = "; ".join(f"{one.server_label}.{one.tool}: {one.reason}" for one in result.denied)
    room.screen.line(
        "notice", f"the model gave no answer{f' after a denial ({denied})' if denied else ''}", YELLOW
    )


def _cancelled(room: Room) -> None:
    state = room.conversation
    if state.unknown:
        room.screen.line("unknown", f"cancelled; {_unknown(state)}", RED)
    elif state.pending:
        count = len(state.pending)
        what = "the question stays open" if count == 1 else f"{count} questions stay open"
        room.screen.line("paused", f"nothing was decided, {what}. Press Enter to be asked again.", YELLOW)
    else:
        room.screen.line(
            "cancelled", "press Enter to ask for the answer again, or say something else.", YELLOW
        )


def _failed(room: Room, error: McpbridgeError) -> None:
    end = broken(room.conversation, error)
    room.code = end.code
    if room.conversation.unknown:
        room.screen.line("unknown", f"{error}; {_unknown(room.conversation)}", RED)
        return
    room.screen.line("failed", str(error), RED)
    if room.interactive and not room.conversation.finished and not end.stale:
        room.screen.line("", "press Enter to try again, or say something else.")


def _unknown(state: Conversation) -> str:
    calls = ", ".join(f"{call_name(state, one) or 'a call'} ({one})" for one in state.unknown)
    return f"{calls} may have taken effect and is not repeated by itself. Press Enter to decide."


def _open(state: Conversation) -> str:
    if state.unknown:
        return f"the outcome of {', '.join(state.unknown)} is unknown."
    if state.pending:
        return (
            "a question is open." if len(state.pending) == 1 else f"{len(state.pending)} questions are open."
        )
    return ""


def _keep(room: Room) -> None:
    """After each turn, however it ended."""
    try:
        room.keeper.save(room.conversation)
    except McpbridgeError as error:
        room.screen.line("failed", str(error), RED)
