"""`mcpbridge chat`: a conversation at the terminal. It consumes the Bridge's turns; no loop of its own."""

from mcpbridge.cli.chat.command import add

__all__ = ["add"]
