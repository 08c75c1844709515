"""The chat brain: any OpenAI-compatible chat-completions endpoint as the model. Start at `chat.py`."""
