"""Telemetry never raises: what goes wrong in it is said once at level debug, and forgotten."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def quiet(work: Callable[P, T]) -> Callable[P, T | None]:
    """The same, but None where it raises."""

    @wraps(work)
    def without_raising(*args: P.args, **named: P.kwargs) -> T | None:
        try:
            return work(*args, **named)
        except Exception:  # boundary: SDKs, processors and exporters are foreign code
            logging.getLogger("mcpbridge.telemetry").debug("telemetry failed", exc_info=True)
            return None

    return without_raising
