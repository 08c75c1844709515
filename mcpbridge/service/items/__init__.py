"""The items of a request: their shapes, how they hold together, and what the model sees of them."""
