"""Whether the account that writes a log can also change a file that is meant to vouch for it."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

_FS_IOC_GETFLAGS: Final = 0x80086601
_APPEND_OR_FIXED: Final = 0x20 | 0x10
"""FS_APPEND_FL, FS_IMMUTABLE_FL of linux/fs.h: `chattr +a`, `chattr +i`. Only root sets and removes them."""


class Standing(NamedTuple):
    """Of an anchor, toward the account that writes the log."""

    outside: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody on this system, as file permissions see them."""

    uid: int
    groups: frozenset[int] = frozenset()
    name: str = ""

    def may_write(self, mode: int, owner: int, group: int) -> bool:
        """Whether these permissions let the account write, or give itself the right to."""
        if self.uid in (0, owner):
            return True
        if group in self.groups:
            return bool(mode & stat.S_IWGRP)
        return bool(mode & stat.S_IWOTH)


def writer_of(log: Path) -> Account | None:
    """The account that the log belongs to; None where accounts cannot be told."""
    if sys.platform == "win32":  # pragma: no cover - Windows
        return None
    import grp
    import pwd

    uid, gid = os.stat(log).st_uid, os.stat(log).st_gid
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(uid=uid, groups=frozenset({gid}), name=str(uid))
    member = {group.gr_gid for group in grp.getgrall() if entry.pw_name in group.gr_mem}
    return Account(uid=uid, groups=frozenset({entry.pw_gid, *member}), name=entry.pw_name)


def standing(path: Path, writer: Account | None) -> Standing:
    """Whether `writer` can change the file, or replace it. Raises OSError when there is none."""
    if writer is None:
        return Standing(False, "whether it is writable by this account cannot be told on this system")
    found = os.stat(path)
    appends = only_appends(path)
    if not appends and writer.may_write(found.st_mode, found.st_uid, found.st_gid):
        return _inside(writer, path)
    if appends and writer.uid == 0:
        return _inside(writer, path)
    # A file that only grows cannot be renamed or removed either, but the folder around it can.
    folders = path.resolve().parents
    for folder in folders[1:] if appends else folders:
        about = os.stat(folder)
        sticky = about.st_mode & stat.S_ISVTX and writer.uid not in (0, about.st_uid)
        if writer.may_write(about.st_mode, about.st_uid, about.st_gid) and not sticky:
            return _inside(writer, folder)
    return Standing(True, f"append-only for {writer.name}" if appends else f"not writable by {writer.name}")


def _inside(writer: Account, path: Path) -> Standing:
    return Standing(False, f"writable by this account ({writer.name}, who writes the log, can change {path})")


def only_appends(path: Path) -> bool:
    """Whether the file system lets nobody but root do more to the file than append to it."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        flags = fcntl.ioctl(fd, _FS_IOC_GETFLAGS, bytes(8))
    except OSError:  # a file system without them
        return False
    finally:
        os.close(fd)
    return bool(int.from_bytes(flags, sys.byteorder) & _APPEND_OR_FIXED)
