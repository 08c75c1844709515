"""A chat from its first line to its exit code."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.adapters.terminal import Lines, user_name
from mcpbridge.bridge.assembly import Assembly, assemble
from mcpbridge.bridge.bridge import Bridge
from mcpbridge.cli.chat.asking import Person
from mcpbridge.cli.chat.command import ChatOptions
from mcpbridge.cli.chat.commands import candidates
from mcpbridge.cli.chat.history import history_file, make_private
from mcpbridge.cli.chat.keeping import Keeper
from mcpbridge.cli.chat.leaving import leave
from mcpbridge.cli.chat.lines import lines_of
from mcpbridge.cli.chat.prompts import EditedPrompt, LinePrompt, Prompt
from mcpbridge.cli.chat.room import Room
from mcpbridge.cli.chat.screen import Screen
from mcpbridge.cli.chat.signals import Signals
from mcpbridge.cli.chat.talk import talk
from mcpbridge.cli.chat.terminal import terminal_of
from mcpbridge.cli.parsing import DEFAULT_CONFIG
from mcpbridge.cli.run_turn import diagnostics
from mcpbridge.cli.streams import write_whatever_comes
from mcpbridge.config import load_config


def run_chat(options: ChatOptions) -> int:
    """Talk until somebody leaves; returns the exit code. Raises McpbridgeError where it cannot begin."""
    write_whatever_comes(sys.stdout)
    config = diagnostics(load_config(options.config or DEFAULT_CONFIG), verbose=options.verbose)
    terminal = terminal_of(sys.stdin, sys.stdout)
    screen = Screen(terminal, sys.stderr)
    parts = assemble(config, approver=None)
    screen.mask = parts.mask
    return asyncio.run(_session(options, parts, screen))


async def _session(options: ChatOptions, parts: Assembly, screen: Screen) -> int:
    signals, lines = Signals(), lines_of(screen.terminal.stdin)
    by = user_name() if options.by is None else options.by
    person = _person(parts, screen, signals, lines, by)
    async with Bridge(parts) as bridge:
        keeper = Keeper(bridge)
        try:
            room = Room(
                parts=parts,
                bridge=bridge,
                screen=screen,
                signals=signals,
                keeper=keeper,
                conversation=bridge.conversation(principal=options.principal),
                by=by,
                config_name=options.config,
                person=person,
            )
            _open(room, options)
            with signals.caught():
                await talk(room, _prompt(room, lines, keep=options.history))
                return leave(room)
        finally:
            keeper.close()


def _open(room: Room, options: ChatOptions) -> None:
    if options.resume is not None:
        room.conversation = room.keeper.resume(options.resume)
    elif options.save is not None:
        room.keeper.begin(options.save)
        room.keeper.save(room.conversation)


def _person(parts: Assembly, screen: Screen, signals: Signals, lines: Lines, by: str) -> Person | None:
    """Who is asked. Without anybody questions stay open, unless the configuration denies them."""
    if not screen.terminal.interactive:
        return None
    person = Person(screen, lines, by=by, pause=signals.pause)
    if not isinstance(parts.approver, DenyApprover):
        parts.approver = person
    return person


def _prompt(room: Room, lines: Lines, *, keep: bool) -> Prompt:
    if not room.screen.terminal.moves:
        return LinePrompt(lines, room.screen)
    return EditedPrompt(room.screen, _history(room) if keep else None, partial(candidates, room))


def _history(room: Room) -> Path | None:
    try:
        file = history_file()
    except RuntimeError as error:  # a user without a home
        room.screen.line("notice", f"what you type is not kept: {error}")
        return None
    problem = make_private(file)
    if problem is not None:
        room.screen.line("notice", f"what you type is not kept: {file}: {problem}")
    return file if problem is None else None
