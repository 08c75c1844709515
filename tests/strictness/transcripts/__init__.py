"""All transcripts, by what they are about."""

from __future__ import annotations

from typing import Final

from tests.strictness.transcript import Transcript
from tests.strictness.transcripts.declared import DECLARED
from tests.strictness.transcripts.functions import FUNCTIONS
from tests.strictness.transcripts.grants import GRANTS
from tests.strictness.transcripts.shapes import SHAPES
from tests.strictness.transcripts.statuses import STATUSES
from tests.strictness.transcripts.streams import STREAMS
from tests.strictness.transcripts.turns import TURNS

GROUPS: Final[dict[str, tuple[Transcript, ...]]] = {
    "approvals and what is executed under them": GRANTS,
    "later turns": TURNS,
    "declared and undeclared servers, tools and functions": DECLARED,
    "statuses and failures": STATUSES,
    "function calls": FUNCTIONS,
    "shapes of items and bodies": SHAPES,
    "streams": STREAMS,
}
