"""The service's side of hosted MCP: sessions with real servers."""
