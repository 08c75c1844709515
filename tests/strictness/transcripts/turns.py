"""What holds when the user speaks again."""

from __future__ import annotations

from typing import Final

from tests.strictness.transcript import adds, asks, called, notes, says, talk, text, thinks

TURNS: Final = (
    talk(
        "a second turn",
        says(asks()),
        says(called(), text()),
        says(asks("mcpr_2")),
        says(called("mcpr_2"), text()),
        turns=2,
    ),
    talk(
        "a second turn after reasoning",
        says(thinks(), adds()),
        says(text()),
        says(thinks(), adds("call_2")),
        says(text()),
        turns=2,
    ),
    talk(
        "a grant of the first turn is used again in the second",
        says(asks()),
        says(called(), text()),
        says(called(), notes("x")),
        turns=2,
    ),
    talk(
        "a grant of the first turn is used again in the third",
        says(asks()),
        says(called(), text()),
        says(text()),
        says(called(), notes("x")),
        turns=3,
    ),
    talk(
        "a request of the first turn is asked again under its id",
        says(asks()),
        says(called(), text()),
        says(asks()),
        says(called(), notes("x")),
        turns=2,
    ),
    talk(
        "a denial of the first turn is forgotten in the second",
        says(asks()),
        says(text()),
        says(called(), notes("x")),
        denied=("mcpr_1",),
        turns=2,
    ),
    talk(
        "a call id of the first turn comes again in the second",
        says(adds()),
        says(text()),
        says(adds(), notes("x")),
        turns=2,
    ),
    talk(
        "a message id of the first turn comes again in the second",
        says(adds()),
        says(text(id="msg_1")),
        says(text(id="msg_1"), notes("x")),
        turns=2,
    ),
    talk(
        "an approval of the first turn is used only in the second",
        says(asks()),
        says(text("Later.")),
        says(called(), notes("x")),
        says(text()),
        stops="late-call",
        turns=2,
    ),
    talk(
        "an approval that nobody accounts for, and a second turn",
        says(asks()),
        says(text("Later.")),
        says(text()),
        turns=2,
    ),
)
