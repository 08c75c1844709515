"""Bridged MCP servers: connections, calls, results and credentials. Nothing here decides or asks."""
