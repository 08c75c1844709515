"""The page says what the tests show."""

from __future__ import annotations

from tests.strictness.page import PAGE, page


def test_the_page_on_strictness_is_made_from_the_transcripts_and_differences() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.strictness.page"
