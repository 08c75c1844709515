"""mcpbridge is never laxer about effects than the official runner (WIRE §9), transcript by transcript."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from pytest_httpserver import HTTPServer

from mcpbridge import Configuration
from tests.strictness.differences import GOES_ON, STOPS
from tests.strictness.stage import FUNCTIONS, SERVERS, Played, Stage
from tests.strictness.transcript import Transcript
from tests.strictness.transcripts import GROUPS

TRANSCRIPTS = tuple(transcript for group in GROUPS.values() for transcript in group)
PLAYS = [
    pytest.param(transcript, form, id=f"{transcript.name} ({form})".encode("unicode_escape").decode())
    for transcript in TRANSCRIPTS
    for form in transcript.forms
]


@pytest.mark.promise("never-laxer")
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize(("transcript", "form"), PLAYS)
def test_mcpbridge_is_never_laxer_than_the_official_runner_except_as_listed(
    transcript: Transcript, form: str, httpserver: HTTPServer, config: Configuration
) -> None:
    stage = Stage(server=httpserver, config=config)

    official, ours = asyncio.run(stage.play(transcript, stream=form == "stream"))

    more, less = ours.effects - official.effects, official.effects - ours.effects
    goes_on = bool(more) or (official.error is not None and ours.error is None)
    stops = bool(less) or (official.error is None and ours.error is not None)
    assert (goes_on, stops) == (bool(transcript.goes_on), bool(transcript.stops)), (
        f"more: {dict(more)}, less: {dict(less)}\nofficial: {official.error!r}\nours: {ours.error!r}"
    )
    _hold_the_floor(transcript, ours)


def _hold_the_floor(transcript: Transcript, ours: Played) -> None:
    """What no difference may excuse: undeclared, undecided, twice."""
    granted: dict[str, int] = {}
    used: Counter[str] = Counter()
    for kind, step, what in sorted(ours.effects.elements(), key=lambda effect: effect[1]):
        name, _, detail = what.partition(" ")
        if kind == "approved":
            assert what not in transcript.denied
            granted[what] = step
        elif kind == "ran":
            assert name in FUNCTIONS
        else:
            label = detail.partition(".")[0]
            assert label in SERVERS
            assert SERVERS[label]["require_approval"] == "never" or granted[name] <= step
            used[name] += 1
    assert set(used.values()) <= {1}


def test_every_difference_is_shown_by_a_transcript_and_no_transcript_names_another() -> None:
    named = ({one.goes_on for one in TRANSCRIPTS}, {one.stops for one in TRANSCRIPTS})

    for listed, found in zip((GOES_ON, STOPS), named, strict=True):
        assert sorted(found - {""}) == sorted(difference.id for difference in listed)


def test_there_are_hundreds_of_transcripts_and_each_has_a_name_of_its_own() -> None:
    names = Counter(transcript.name for transcript in TRANSCRIPTS)

    assert len(names) >= 300
    assert set(names.values()) == {1}
