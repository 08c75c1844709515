"""The loop: one async generator advances a conversation; everything else only consumes it."""
