"""Assembles everything from the configuration; the only room that knows all adapters."""
