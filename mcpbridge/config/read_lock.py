"""`pins.file` of a policy: the lock beside it, read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from mcpbridge.config.files import Unreadable, joined, read_text
from mcpbridge.core.pins import LockRefused, read_lock
from mcpbridge.errors import ConfigurationError, Problem
from mcpbridge.policy import Policy


def with_lock(policy: Policy, directory: Path, *, path: str = "") -> Policy:
    """The policy with its lock, if it names one that is there: `mcpbridge pin` has to write it first, and
    until then nothing is pinned, which denies or asks. `path` is where the policy itself was read.
    Raises ConfigurationError for a lock that is broken."""
    if path:
        policy = replace(policy, path=path)
    if policy.pins is None or not policy.pins.file:
        return policy
    file = joined(directory, policy.pins.file)
    section = replace(policy.pins, path=str(file), lock=None, hash="")
    if file.exists():
        try:
            text = read_text(file)
            lock = read_lock(text)
        except Unreadable as error:
            line = policy.document.line(("pins", "file")) if policy.document is not None else 0
            message = f"pins.file: {policy.pins.file}: {error}"
            raise ConfigurationError([Problem(file=policy.file, line=line, message=message)]) from None
        except LockRefused as error:
            problem = Problem(file=str(file), line=error.line, message=str(error))
            raise ConfigurationError([problem]) from None
        section = replace(section, lock=lock, hash=hashlib.sha256(text.encode()).hexdigest())
    return replace(policy, pins=section)
