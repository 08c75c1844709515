"""10,000 broken answers, as bytes, through all of the real parsing, with the engine deciding on top: only
errors of the tree, no approval that no rule or person gave, nothing twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import httpx2
import pytest

from tests.long import long
from tests.strictness.broken_play import Play, check_end, played
from tests.strictness.line import connected

ANSWERS: Final = 10_000
SHARDS: Final = 20
OFTEN: Final = 5
"""So many of them run each time: 2,500 answers; LONG runs all."""


async def all_of(seeds: Sequence[int]) -> Counter[str]:
    """Play them one after the other over one client."""
    ends: Counter[str] = Counter()
    current: list[Play] = []

    async def answer(request: httpx2.Request) -> httpx2.Response:
        return await current[-1].answer(request)

    async with connected(answer) as client:
        for seed in seeds:
            current[:] = [Play(seed=seed)]
            try:
                ends[await played(current[0], client)] += 1
                check_end(current[0])
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise
    return ends


@pytest.mark.promise("broken-answers")
@pytest.mark.parametrize(
    "shard", [shard if shard < OFTEN else pytest.param(shard, marks=long) for shard in range(SHARDS)]
)
def test_a_broken_answer_ends_in_a_typed_error_or_an_answer_and_has_no_effect_nobody_allowed(
    shard: int,
) -> None:
    ends = asyncio.run(all_of(range(shard, ANSWERS, SHARDS)))

    assert ends.total() == ANSWERS // SHARDS
    assert ends["answered"] > 0
    assert len(ends) > 4
