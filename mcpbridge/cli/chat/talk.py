"""The conversation: a message, a turn, a message, until somebody leaves."""

from __future__ import annotations

from mcpbridge.cli.chat.attachments import named_images
from mcpbridge.cli.chat.commands import Quit, run_command
from mcpbridge.cli.chat.prompts import Prompt
from mcpbridge.cli.chat.room import Room
from mcpbridge.cli.chat.signals import Interrupted, Leaving
from mcpbridge.cli.chat.turns import go_on, say
from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.run_end import exit_code
from mcpbridge.cli.show import RED
from mcpbridge.errors import McpbridgeError


async def talk(room: Room, prompt: Prompt) -> None:
    """Until the end of the input, /quit, or a signal."""
    _greet(room)
    try:
        if room.conversation.entries and not room.conversation.finished:
            await go_on(room)
        while not _over(room):
            await _one(room, prompt)
    except (Quit, Leaving):
        return


def _over(room: Room) -> bool:
    """Where lines come from elsewhere nobody looks at a failure: what follows may build on it."""
    return bool(room.signals.ending or room.screen.gone) or (not room.interactive and room.code != COMPLETED)


async def _one(room: Room, prompt: Prompt) -> None:
    try:
        text = await room.signals.run(prompt.message())
    except Interrupted:
        if not room.interactive:
            room.code = 130
            raise Quit from None
        if not room.screen.terminal.moves:
            room.screen.say()  # the line that was begun ends here
        room.screen.say("Nothing is running. Ctrl-D or /quit leaves.")
        return
    except OSError:  # the terminal went away
        text = None
    if text is None:
        raise Quit
    try:
        await _take(room, text)
    except McpbridgeError as error:
        room.screen.line("failed", str(error), RED)
        room.code = room.code or exit_code(error)


async def _take(room: Room, text: str) -> None:
    if not text.strip():
        state = room.conversation
        if room.interactive and state.entries and not state.finished:
            await go_on(room)
    elif text.startswith("/") and not text.startswith("//"):
        await run_command(room, text.rstrip())
    else:
        await _say(room, text.removeprefix("/") if text.startswith("//") else text)


async def _say(room: Room, text: str) -> None:
    images = named_images(text)
    for one in images:
        room.screen.line("attached", one.told)
    await say(room, [{"type": "input_text", "text": text}, *(one.part for one in images)] if images else text)


def _greet(room: Room) -> None:
    if not room.interactive:
        return
    config, screen = room.parts.config, room.screen
    servers = ", ".join(room.parts.servers) or "none"
    policies = ", ".join(policy.name for policy in config.policies)
    screen.title("mcpbridge chat")
    screen.say(
        f"Model {config.model.name} ({config.model.endpoint}); servers: {servers}; policy: {policies}."
    )
    screen.say("/help names the commands, Ctrl-D leaves.")
    state = room.conversation
    if state.user_texts:
        screen.say()
        screen.line(
            "resumed", f"{state.id}, {state.turn} turns; you said last: {_clipped(state.user_texts[-1])}"
        )
        if state.text:
            screen.answer(state.text)


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:160]}…"
