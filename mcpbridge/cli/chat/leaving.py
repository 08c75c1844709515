"""The end of a chat: what is left open, where it is saved, and the exit code."""

from __future__ import annotations

from pathlib import Path

from mcpbridge.cli.chat.room import Room
from mcpbridge.cli.exits import COMPLETED, FAILED, PAUSED, UNKNOWN
from mcpbridge.cli.parsing import command_line
from mcpbridge.cli.run_end import resume_command
from mcpbridge.cli.show import RED
from mcpbridge.cli.state_file import StateFile
from mcpbridge.core.conversation import Conversation
from mcpbridge.errors import McpbridgeError


def leave(room: Room) -> int:
    """Save what would be lost, say what is open; returns the exit code."""
    state = room.conversation
    code = _code(room, state)
    try:
        saved = _saved(room, state)
    except McpbridgeError as error:
        room.screen.line("failed", str(error), RED)
        return code or FAILED
    _tell(room, state, saved)
    return code


def _code(room: Room, state: Conversation) -> int:
    if state.unknown:
        return UNKNOWN
    if state.pending:
        return PAUSED
    if room.signals.ending:
        return 128 + room.signals.ending
    if room.interactive:
        return COMPLETED
    broken = room.screen.gone
    unwritten = broken is not None and not isinstance(broken, BrokenPipeError)
    return room.code or (FAILED if unwritten else COMPLETED)  # a reader who left (`| head`) had enough


def _saved(room: Room, state: Conversation) -> Path | None:
    """Also where nobody named a file and somebody has to decide."""
    if room.keeper.path is None:
        if not (state.unknown or state.pending):
            return None
        file = StateFile(Path(f"{state.id}.state.json"))
        file.write(room.bridge.dumps(state))
        return file.path
    room.keeper.save(state)
    return room.keeper.path


def _tell(room: Room, state: Conversation, saved: Path | None) -> None:
    screen = room.screen
    if state.unknown:
        screen.say(f"It is unknown whether {', '.join(state.unknown)} took effect.")
    elif state.pending:
        ids = ", ".join(call.id for call in state.pending)
        screen.say(f"{'A question is' if len(state.pending) == 1 else 'Questions are'} open: {ids}")
    if saved is None or not (state.entries or room.interactive):
        return
    config = [] if room.config_name is None else ["-c", room.config_name]
    screen.say(f"The conversation is saved in {saved}; go on with")
    screen.command(command_line(["mcpbridge", "chat", *config, "--resume", str(saved)]))
    undecided = state.unknown or tuple(call.id for call in state.pending)
    if undecided:
        screen.say("or decide in another process, with yes or no:reason:")
        screen.command(resume_command(saved, undecided, "yes", config=room.config_name))
