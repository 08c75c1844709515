"""Many conversations at once through one Bridge, against the local service and a real MCP server."""
