"""What the verification of the log means for somebody who reads figures made from it."""

from __future__ import annotations

from typing import Final

from mcpbridge.audit.report.document import Verdict
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.verifying.result import Verification

_MEANING: Final = {
    0: "Nothing inside the log was changed, and nothing is missing at its end: a place outside the writing "
    "account vouches for where it ends.",
    3: "Nothing inside the log was changed. Its end is not vouched for by anybody outside the writing "
    "account: whoever can write the files could have cut off the last records, and these figures would "
    "lack them.",
    1: "THE LOG WAS CHANGED after it was written. These figures cannot be relied on: find out what was "
    "altered, and by whom, before reading on.",
    2: "There was nothing to verify.",
}
_LINES: Final = 6


def verdict_of(found: Verification, links: Links) -> Verdict:
    """The first lines of what `audit verify` says, and its meaning."""
    lines = str(found).splitlines()
    more = len(lines) - _LINES
    return Verdict(
        status=found.status.value,
        exit_code=found.exit_code,
        sentence="\n".join(lines[:_LINES] + ([f"… and {more} more lines"] if more > 0 else [])),
        meaning=_MEANING.get(found.exit_code, ""),
        command=links.other("verify"),
    )
