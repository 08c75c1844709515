"""After the conversation: what really ran, the audit trail, its verification, and a forgery that is found."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcpbridge.audit import Verification, log_path, read, render_line, verify
from mcpbridge.demo.screen import Screen
from mcpbridge.demo.server import TOOLS, Tracker

_DENIED: Final = b'"outcome":"policy_deny"'
_IDS: Final = ("request_id", "run_id")
"""Long and needed by programs only; `mcpbridge audit show` prints them."""


class DemoFailed(AssertionError):
    """The demo did not show what it promises: a bug in mcpbridge."""


def show_effects(screen: Screen, tracker: Tracker) -> None:
    """Ask the tracker itself what its tools did."""
    ran = Counter(effect.tool for effect in tracker.effects)
    done = ", ".join(f"{tool} {ran[tool]}x" for tool in TOOLS)
    screen.say(f"The tracker kept count of what its tools really did: {done}.")
    if ran["send_mail"]:
        raise DemoFailed("the denied mail was sent")


def show_trail(screen: Screen, audit: Path, *, credentials: Sequence[str]) -> None:
    """Print every record, and say whether the credential is anywhere among them."""
    for record in read(audit):
        screen.record(render_line({k: v for k, v in record.items() if k not in _IDS}, color=False))
    files = [path for path in audit.rglob("*") if path.is_file()]
    contents = [path.read_bytes() for path in files]
    if any(credential.encode() in content for credential in credentials for content in contents):
        raise DemoFailed("a credential stands in the audit")
    screen.write("")
    screen.say(
        "Each decision was on disk before it took effect. The tracker's token and the service's key stand in "
        f"none of the {len(files)} files of the log (searched just now)."
    )


def show_verification(screen: Screen, audit: Path) -> Verification:
    """Verify the log, and say in plain words what the result is worth."""
    result = verify(audit)
    if result.flaw_count or not result.records:
        raise DemoFailed(str(result))
    screen.entry("verify", f"the chain is intact: {result.records} records, none changed or missing between")
    screen.entry("", f'status "{result.status}", so `mcpbridge audit verify` exits with {result.exit_code}')
    screen.write("")
    screen.say(
        '"unsealed" is not an error: each record carries the hash of the one before, so a record that is '
        "changed no longer fits. But who may write the file could cut off its end, or write all of it anew; "
        "only a checkpoint kept elsewhere shows that. Give the log such a place (audit: {anchors: …}, see "
        "docs/audit/trust.md), and the exit code is 0."
    )
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """One byte of a copy of the log, changed."""

    line: int
    before: str
    after: str


def forge(audit: Path, copy: Path) -> Forgery:
    """Copy the log and flip one bit where a denial says that it is one."""
    shutil.copytree(audit, copy)
    log = log_path(copy)
    data = bytearray(log.read_bytes())
    start = data.index(_DENIED)
    at = start + len(_DENIED) - 2  # the last letter of policy_deny
    data[at] ^= 1
    log.write_bytes(bytes(data))
    after = bytes(data[start : start + len(_DENIED)])
    return Forgery(line=data.count(b"\n", 0, start) + 1, before=_value(_DENIED), after=_value(after))


def _value(pair: bytes) -> str:
    return pair.decode().partition(":")[2].strip('"')


def show_forgery(screen: Screen, audit: Path, copy: Path) -> None:
    """Forge a copy, and show that verification finds it and where."""
    forged = forge(audit, copy)
    screen.entry(
        "forge", f"in a copy: record {forged.line}, {forged.before} becomes {forged.after} (one bit)"
    )
    result = verify(copy)
    if not result.flaws or result.flaws[0].line != forged.line:
        raise DemoFailed(f"the forgery in line {forged.line} was not found: {result}")
    for flaw in result.flaws:
        screen.entry("verify", f"FOUND {flaw}")
    screen.entry("", f'status "{result.status}", `mcpbridge audit verify` exits with {result.exit_code}')
