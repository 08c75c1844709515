"""Reading records back, filtered, one at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mcpbridge.audit.chain import parsed
from mcpbridge.audit.disk import open_log
from mcpbridge.audit.plain import encode_again, safe_line
from mcpbridge.audit.records import RecordType
from mcpbridge.audit.tail import whole_lines
from mcpbridge.audit.verify import NO_LOG, log_path
from mcpbridge.core.ruling import Outcome
from mcpbridge.errors import AuditCorrupt, AuditUnavailable

_Test = Callable[[dict[str, Any]], bool]
_ALLOWED = frozenset(outcome.value for outcome in Outcome if outcome.allowed)
_RESOLVED = frozenset({"repeated", "given_up"})
"""What a person made of an unknown outcome, in a record of type recovery."""
_HUMAN = frozenset({Outcome.HUMAN_ALLOW.value, Outcome.HUMAN_DENY.value, Outcome.TIMEOUT.value})


def read(
    directory: str | Path,
    *,
    denied: bool = False,
    human: bool = False,
    tool: str | None = None,
    principal: str | None = None,
    run: str | None = None,
    since: datetime | None = None,
    conversation: str | None = None,
    request_id: str | None = None,
    types: Collection[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Records in the order they were written, those that pass every filter given.

    `denied`: decisions that did not allow. `human`: decisions that a person made or let time out, also
    about an unknown outcome. `tool`: a pattern for `label.tool`, or for the tool alone. `since`: aware
    datetime, inclusive. The others compare one field exactly. A torn tail is left out. Does not verify:
    see `verify`. Raises AuditUnavailable when there is no log, AuditCorrupt at a line that is not JSON.
    """
    exact = {"principal": principal, "run_id": run, "conversation_id": conversation, "request_id": request_id}
    wanted = {name: value for name, value in exact.items() if value is not None}
    # The encoded pair must occur in the line; looking for it is much cheaper than parsing.
    needles = [
        safe_line(f"{encode_again(name)}:{encode_again(value)}").encode() for name, value in wanted.items()
    ]
    tests = list(_tests(denied=denied, human=human, tool=tool, since=since, types=types))
    for number, line in _lines(log_path(directory)):
        if not all(needle in line for needle in needles):
            continue
        record = parsed(line)
        if record is None:
            raise AuditCorrupt(f"line {number} of the log is not JSON; run `mcpbridge audit verify`")
        if all(record.get(name) == value for name, value in wanted.items()) and all(
            test(record) for test in tests
        ):
            yield record


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        fd = open_log(path, write=False)
    except FileNotFoundError as error:
        raise AuditUnavailable(f"the audit log {path} cannot be read: {error.strerror}; {NO_LOG}") from error
    except OSError as error:
        raise AuditUnavailable(f"the audit log {path} cannot be read: {error.strerror or error}") from error
    number = 0
    try:
        for block in whole_lines(fd, 0, os.fstat(fd).st_size):
            for line in block[:-1].split(b"\n"):
                number += 1
                yield number, line
    finally:
        os.close(fd)


def _tests(
    *,
    denied: bool,
    human: bool,
    tool: str | None,
    since: datetime | None,
    types: Collection[str] | None,
) -> Iterator[_Test]:
    if types is not None:
        yield lambda record: record.get("type") in types
    if denied:
        yield lambda record: _is_decision(record) and record.get("outcome") not in _ALLOWED
    if human:
        yield _by_a_person
    if tool is not None:
        yield lambda record: _fits(record, tool)
    if since is not None:
        start = since.astimezone(UTC).isoformat(timespec="microseconds")[:-6]
        yield lambda record: str(record.get("ts", "")) >= start  # fixed width: order of text is order of time


def _is_decision(record: dict[str, Any]) -> bool:
    return record.get("type") == RecordType.DECISION


def _by_a_person(record: dict[str, Any]) -> bool:
    if record.get("type") == RecordType.RECOVERY:
        return record.get("outcome") in _RESOLVED
    return _is_decision(record) and record.get("outcome") in _HUMAN


def _fits(record: dict[str, Any], pattern: str) -> bool:
    name = str(record.get("tool", ""))
    return fnmatchcase(name, pattern) or fnmatchcase(f"{record.get('server_label', '')}.{name}", pattern)
