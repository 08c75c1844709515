"""Policies that follow their files: all files of a configuration take effect together, or none does."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from mcpbridge.config.files import Unreadable, read_text
from mcpbridge.config.read_lock import with_lock
from mcpbridge.errors import ConfigurationError, Problem
from mcpbridge.policy import Policy, load_policy
from mcpbridge.policy.changed import ALL_SHADOW, PoliciesChanged, enforcing, shadowing

EVERY: Final = 0.5
"""Seconds between two looks at the files."""

_Stamp = tuple[int, int, int] | None


@dataclass(kw_only=True)
class ReloadingPolicies:
    """The policies of a configuration, read again when a file has changed. A broken file keeps what was
    in force. Shipped policies, and ones that came as text, do not change."""

    policies: tuple[Policy, ...]
    every: float = EVERY
    clock: Callable[[], float] = time.monotonic
    _enforced: tuple[Policy, ...] = field(init=False)
    _shadows: tuple[Policy, ...] = field(init=False)
    _stamps: dict[Path, _Stamp] = field(init=False)
    _digest: str = field(init=False)
    _next: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.policies = tuple(_absolute(policy) for policy in self.policies)
        self._take(self.policies)
        self._stamps, self._digest = {}, _digest_of(self.policies)

    def current(self) -> Sequence[Policy]:
        """Those in force."""
        return self._enforced

    def shadows(self) -> Sequence[Policy]:
        """Those that are only asked what they would say."""
        return self._shadows

    def refresh(self) -> tuple[PoliciesChanged, ...]:
        """Look at the files, at most every half second; what became of a change."""
        now = self.clock()
        if now < self._next:
            return ()
        self._next = now + self.every
        stamps = {path: _stamp(path) for path in _files(self.policies)}
        if stamps == self._stamps:
            return ()
        self._stamps = stamps  # taken before reading: what changes meanwhile is seen next time
        return self._reload()

    def _reload(self) -> tuple[PoliciesChanged, ...]:
        before = self.policies
        try:
            after = tuple(_read(policy) for policy in before)
            if not enforcing(after):
                raise ConfigurationError([_all_shadow(after)])
        except ConfigurationError as error:
            digest = hashlib.sha256(str(error).encode()).hexdigest()
            if digest == self._digest:
                return ()
            self._digest = digest
            return (PoliciesChanged(before=before, after=before, problem=str(error)),)
        digest = _digest_of(after)
        changed = digest != _digest_of(before)
        self._digest = digest
        if not changed:
            return ()
        self._take(after)
        return (PoliciesChanged(before=before, after=after),)

    def _take(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies
        self._enforced, self._shadows = enforcing(policies), shadowing(policies)


def _absolute(policy: Policy) -> Policy:
    """A later change of the current directory must not lead to other files."""
    if not policy.path:
        return policy
    pins = policy.pins
    if pins is not None and pins.path:
        pins = replace(pins, path=str(Path(pins.path).absolute()))
    return replace(policy, path=str(Path(policy.path).absolute()), pins=pins)


def _files(policies: Sequence[Policy]) -> Iterator[Path]:
    for policy in policies:
        if policy.path:
            yield Path(policy.path)
        if policy.pins is not None and policy.pins.path:
            yield Path(policy.pins.path)


def _stamp(path: Path) -> _Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(policy: Policy) -> Policy:
    """The policy as its files are now. Raises ConfigurationError."""
    beside = Path(policy.pins.path).parent if policy.pins is not None and policy.pins.path else Path()
    if not policy.path:
        return with_lock(policy, beside)
    try:
        text = read_text(Path(policy.path))
    except Unreadable as error:
        raise ConfigurationError([Problem(file=policy.file, line=0, message=str(error))]) from None
    return with_lock(load_policy(text, file=policy.file), Path(policy.path).parent, path=policy.path)


def _digest_of(policies: Sequence[Policy]) -> str:
    parts = [f"{policy.hash} {policy.pins.hash if policy.pins is not None else ''}" for policy in policies]
    return "\n".join(parts)


def _all_shadow(policies: Sequence[Policy]) -> Problem:
    line = policies[0].document.line(("mode",)) if policies and policies[0].document is not None else 0
    return Problem(file=policies[0].file, line=line, message=ALL_SHADOW)
