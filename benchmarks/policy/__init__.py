"""How fast a policy decides, side by side with others, each in an environment of its own."""
