"""Packages are installed once for all workers of a run, and for both rooms that use them."""

from tests.mcp_servers.conftest import shared

__all__ = ["shared"]
