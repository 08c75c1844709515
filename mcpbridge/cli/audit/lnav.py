"""The format file that teaches lnav (https://lnav.org) to read the log."""

from __future__ import annotations

from importlib.resources import files


def lnav_format() -> str:
    """Its text: for ~/.config/lnav/formats/installed/, or `lnav -i`."""
    return files("mcpbridge.cli.audit").joinpath("mcpbridge_audit.lnav.json").read_text("utf-8").rstrip()
