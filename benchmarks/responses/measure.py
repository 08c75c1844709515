"""Times several variants of one thing in turn, so that a noisy machine disturbs all of them alike."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from time import perf_counter, process_time

Variant = Callable[[], Awaitable[object]]
Samples = Mapping[str, Sequence[float]]
"""Variant → seconds of each sample."""


async def alternate(
    variants: Mapping[str, Variant], *, samples: int, repeat: int = 1, wall: bool = False
) -> dict[str, list[float]]:
    """Seconds per call: CPU of the whole process, or wall time. One untimed sample comes first.

    A sample is the mean of `repeat` calls; the variants take turns, and the order is reversed each time.
    """
    clock = perf_counter if wall else process_time
    found: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants.items())
    for number in range(samples + 1):
        for name, variant in order:
            gc.collect()
            started = clock()
            for _ in range(repeat):
                await variant()
            if number:
                found[name].append((clock() - started) / repeat)
        order.reverse()
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median of the ratios of samples taken side by side."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))
