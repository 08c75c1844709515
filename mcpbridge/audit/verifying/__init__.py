"""The parts of `mcpbridge audit verify`: one pass over the lines, and what others saw of them."""
