"""docs/strictness.md, made from the transcripts and the list of differences.

After a change: python -m tests.strictness.page
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.strictness.differences import GOES_ON, STOPS, Difference
from tests.strictness.transcripts import GROUPS

PAGE: Final = Path(__file__).parents[2] / "docs" / "strictness.md"

_HEAD: Final = """\
# How strict mcpbridge is

The openai package has a tool runner of its own, `openai.lib.responses_tool_runner`: it keeps its own
history, fails closed, and stops at whatever it does not expect. It is the floor: **mcpbridge is never laxer
than it about effects.** No approval is sent, no function run and no hosted call accepted as authorised that
it would refuse on identity, grant, declaration or status.

This is tested, not claimed. {count} conversations, sound and hostile, are played over HTTP to both of them
with the same tools and the same decisions, whole and streamed. What each does is seen from outside: the
approvals in the requests, the functions that ran, the hosted calls it went on from. In {same} of them both do
the same. Every conversation in which they differ names its difference below; one that differs without a
name fails the tests, and so does a name without a conversation. Whatever the difference, three things hold
in all of them: nothing undeclared, nothing that was not approved, nothing twice.

The conversations are in `tests/strictness/transcripts/`, the reasons in `tests/strictness/differences.py`.
This page is made from them: `python -m tests.strictness.page`.

## What is played

| conversations about | how many |
|---|---|
{groups}

## Where mcpbridge goes on and the official runner does not

{goes_on}

## Where mcpbridge does less

{stops}

## What else is tried

- Any order and mix of approvals, functions, reasoning, unknown items, cancellations and resumes, against
  the checks of the local service (`tests/strictness/test_any_order.py`).
- 10,000 broken answers, as bytes: cut, reordered, doubled, of wrong types, with wrong ids, broken framing
  and encoding (`tests/strictness/test_broken_answers.py`). Each ends in an answer or in an error of
  mcpbridge's own; none leads to an approval that nobody gave, or to a function that runs twice. 300 more go
  over a socket with the HTTP around them broken too (`tests/strictness/test_broken_http.py`).
- Answers without an end, packed ones included: given up after 64 MiB
  (`tests/strictness/test_endless_answers.py`).
"""


def page() -> str:
    """The whole page."""
    everything = [transcript for group in GROUPS.values() for transcript in group]
    same = sum(not transcript.goes_on and not transcript.stops for transcript in everything)
    groups = "\n".join(f"| {name} | {len(group)} |" for name, group in GROUPS.items())
    return _HEAD.format(
        count=len(everything),
        same=same,
        groups=groups,
        goes_on=_table(GOES_ON, {one.name: one.goes_on for one in everything}),
        stops=_table(STOPS, {one.name: one.stops for one in everything}),
    )


def _table(differences: Sequence[Difference], named: dict[str, str]) -> str:
    rows = [
        f"| `{one.id}` | {one.official} | {one.ours} | {one.why} | "
        f"{_shown(name for name, id in named.items() if id == one.id)} |"
        for one in differences
    ]
    head = "| name | the official runner … | mcpbridge … | why | conversations |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" · and {len(listed) - 3} more" if len(listed) > 3 else ""
    return " · ".join(listed[:3]).replace("|", "\\|") + more


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
