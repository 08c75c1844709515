"""A report of a long log takes no more memory than one of a short log."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.audit import RecordType
from mcpbridge.audit.report import Links
from mcpbridge.audit.report.collect import Collected
from mcpbridge.audit.report.durations import LABELS, Durations
from mcpbridge.audit.report.tally import NAMES, SHOWN, Latest, Tally, name_of
from mcpbridge.audit.report.timeline import DRAWN, Timeline
from tests.audit_export.made import strange
from tests.audit_report.made import decision, reported, section, write


def test_names_without_end_are_counted_together() -> None:
    tally = Tally()
    for number in range(NAMES + 500):
        tally.add(f"tool{number}")
    tally.add("tool1")

    assert len(tally.rows) == NAMES
    assert tally.total == NAMES + 501
    assert tally.top()[0] == ("tool1", [2])
    assert tally.more() == NAMES - SHOWN + 1


def test_a_table_that_is_not_whole_says_how_much_is_missing(tmp_path: Path) -> None:
    log = write(tmp_path, [decision("policy_deny", tool=f"tool{number}") for number in range(SHOWN + 5)])

    table = next(one for one in section(reported(log), "denials").tables if one.title == "By tool")

    assert (len(table.rows), table.more) == (SHOWN, 5)


def test_only_the_latest_questions_are_remembered() -> None:
    latest: Latest[int] = Latest(3)
    for number in range(10):
        latest.put((str(number),), number)

    assert latest.values() == [7, 8, 9]
    assert latest.pop(("0",)) is None


@settings(deadline=None)
@given(st.text(min_size=121), st.text(min_size=121))
def test_long_names_are_cut_and_stay_different(one: str, other: str) -> None:
    assert len(name_of(one)) < 200
    assert (name_of(one) == name_of(other)) == (one == other)


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=4e9), max_size=300))
def test_columns_of_time_lose_no_count_and_fit_on_the_page(seconds: list[float]) -> None:
    timeline = Timeline(("one",))
    for second in seconds:
        timeline.add(second, "one")

    labels, values = timeline.columns()

    assert sum(values["one"]) == len(seconds)
    assert len(labels) == len(values["one"]) <= DRAWN


@settings(deadline=None)
@given(st.lists(st.floats(min_value=0.001, max_value=1e7), min_size=1, max_size=99))
def test_the_median_is_nearly_right(seconds: list[float]) -> None:
    durations = Durations()
    for one in seconds:
        durations.add(one)
    middle = median(seconds)

    assert sum(durations.counts) == len(seconds)
    assert len(durations.counts) == len(LABELS)
    assert 0.9 * middle <= durations.middle <= 1.1 * middle


@settings(deadline=None)
@given(st.lists(strange, max_size=4), st.sampled_from([kind.value for kind in RecordType]))
def test_no_record_whatever_breaks_a_report(records: list[dict[str, Any]], kind: str) -> None:
    collected = Collected()
    collected.before(records)
    collected.see({**record, "type": kind} for record in records)
    collected.see(records)

    assert collected.sections(Links())
    assert collected.records == 2 * len(records)
