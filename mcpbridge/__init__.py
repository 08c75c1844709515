"""mcpbridge: one gate between a model on the Responses API and everything it can touch."""
