"""What mcpbridge costs on top of the bare openai client. See ../README.md."""
