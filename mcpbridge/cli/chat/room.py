"""What the parts of a chat share."""

from __future__ import annotations

from dataclasses import dataclass

from mcpbridge.bridge.assembly import Assembly
from mcpbridge.bridge.bridge import Bridge
from mcpbridge.cli.chat.asking import Person
from mcpbridge.cli.chat.keeping import Keeper
from mcpbridge.cli.chat.screen import Screen
from mcpbridge.cli.chat.signals import Signals
from mcpbridge.core.conversation import Conversation


@dataclass(kw_only=True, slots=True)
class Room:
    """One chat. `conversation` is always its latest state."""

    parts: Assembly
    bridge: Bridge
    screen: Screen
    signals: Signals
    keeper: Keeper
    conversation: Conversation
    by: str
    """Who decides, for the audit."""
    config_name: str | None
    """As it was named on the command line."""
    person: Person | None = None
    """None where nobody can be asked: questions stay open."""
    code: int = 0
    """What the last turn would end a process with."""

    @property
    def interactive(self) -> bool:
        return self.screen.terminal.interactive
