"""What the tests of strictness share."""

from __future__ import annotations

import pytest

from mcpbridge import Configuration
from tests.strictness.stage import configuration


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Read once: it never changes."""
    return configuration(tmp_path_factory.mktemp("config"))
