"""The SDK that these tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.telemetry.stage import Heard, Sdk, installed


@pytest.fixture(scope="session")
def sdk() -> Sdk:
    return installed()


@pytest.fixture
def heard(sdk: Sdk) -> Iterator[Heard]:
    """What this test's spans are heard by."""
    sdk.current = Heard()
    yield sdk.current
    sdk.current.blocked.set()
    sdk.current = Heard()
