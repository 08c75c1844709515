"""A real MCP server that wants a bearer token, and a folder to chat in."""

from tests.cli_run.conftest import shell, tracker

__all__ = ["shell", "tracker"]
