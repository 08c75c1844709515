"""What a request says: its top level, its tools, its choices, each parsed once into a frozen value."""
