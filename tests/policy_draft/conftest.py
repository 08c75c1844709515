"""What the tests of the draft command share with those of the other commands."""

from tests.cli_other.conftest import here, tracker, write_config

__all__ = ["here", "tracker", "write_config"]
