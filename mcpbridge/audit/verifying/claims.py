"""Claims: "the first N lines had this root", by somebody who saw the log before. One pass settles all."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple, Protocol

_LOOK_AHEAD: Final = 4_096
"""Claims of one source that are put in order at a time: several writers take checkpoints there at once."""
LATEST: Final = 64
"""Claims of one source that the log bears out, and that are remembered: a few of them may not be signed."""


class Claim(NamedTuple):
    """One of them."""

    size: int
    root: bytes
    evidence: str = ""
    """What it rests on: a signed note."""


class Source(Protocol):
    """Somebody who saw the log."""

    name: str

    def claims(self) -> Iterator[Claim]:
        """About this log, in roughly growing order. Raises nothing: what cannot be read is no claim."""
        ...

    def holds(self, claim: Claim, /) -> bool:
        """Whether a claim that the log contradicts is genuine, and not just noise in the same place."""
        ...

    late: int
    """Claims that came too late to be compared."""

    @property
    def of_checkpoints(self) -> bool:
        """Whether a claim about N lines means that a checkpoint stood behind them, as line N + 1."""
        ...

    def agreed(self, claim: Claim, /) -> None:
        """The log bears the claim out."""
        ...


class _Next(NamedTuple):
    size: int
    number: int
    claim: Claim
    source: Source


Told = Callable[[Source, Claim], None]


class Claims:
    """All claims, by size; the pass over the log settles each when it gets there."""

    def __init__(self, sources: list[Source], *, agrees: Told, differs: Told, cut_off: Told) -> None:
        streams = [_ordered(number, source) for number, source in enumerate(sources)]
        self._rest = heapq.merge(*streams)
        self._agrees, self._differs, self._cut_off = agrees, differs, cut_off
        self._ahead: _Next | None = None
        self._agreed: dict[int, _Next] = {}
        self._passed = 0
        """The largest size that a claim was settled for."""
        self._advance()

    @property
    def next_size(self) -> int:
        """The size that the next claim is about; -1 when none is left."""
        return self._ahead.size if self._ahead else -1

    def settle(self, size: int, root: bytes) -> None:
        """The log's first `size` lines have this root: every claim up to there is true or false."""
        while (ahead := self._ahead) and ahead.size <= size:
            self._advance()
            if ahead.size == size and ahead.claim.root == root:
                self._agrees(ahead.source, ahead.claim)
                self._agreed[ahead.number] = ahead
            elif ahead.size < self._passed:
                ahead.source.late += 1
            elif ahead.source.holds(ahead.claim):
                self._differs(ahead.source, ahead.claim)
            self._passed = max(self._passed, ahead.size)

    def skip(self, lines: int) -> None:
        """Retention removed that many lines: nothing can be said of claims about fewer."""
        while self._ahead and self._ahead.size < lines:
            self._advance()

    def finish(self, lines: int) -> None:
        """The log ends here: claims about more lines tell that it once had them."""
        latest = {
            number: agreed
            for number, agreed in self._agreed.items()
            if agreed.source.of_checkpoints and agreed.size >= lines and agreed.source.holds(agreed.claim)
        }
        while ahead := self._ahead:
            self._advance()
            if ahead.source.holds(ahead.claim):
                latest[ahead.number] = ahead
        for ahead in latest.values():
            self._cut_off(ahead.source, ahead.claim)

    def _advance(self) -> None:
        self._ahead = next(self._rest, None)


def _ordered(number: int, source: Source) -> Iterator[_Next]:
    """Sorted within a window. What comes later than that stays out of order, and is not compared."""
    claims = (_Next(claim.size, number, claim, source) for claim in source.claims())
    window = list(islice(claims, _LOOK_AHEAD))
    heapq.heapify(window)
    for claim in claims:
        yield heapq.heappushpop(window, claim)
    while window:
        yield heapq.heappop(window)
