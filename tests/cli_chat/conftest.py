"""A real MCP server that wants a bearer token, and a folder to chat in."""

from tests.cli_run.conftest import every_record_fits_the_schema, shell, tracker

__all__ = ["every_record_fits_the_schema", "shell", "tracker"]
