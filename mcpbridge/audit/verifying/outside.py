"""Whether the account that writes a log can also change a file that is meant to vouch for it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
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
    appends = only_appends(path)
    if writer.uid == 0 if appends else _writable(writer, path, os.stat(path)):
        return _inside(writer, path)
    for place in _around(path, appends=appends):
        if _replaceable(writer, place):
            return _inside(writer, place)
    return Standing(True, f"append-only for {writer.name}" if appends else f"not writable by {writer.name}")


def _around(path: Path, *, appends: bool) -> Iterable[Path]:
    """The links and folders that lead to a file."""
    # A file that only grows cannot be renamed or removed either, but the folder around it can.
    folders = path.resolve().parents
    links = _links(path)
    above = (folder for link in links for folder in link.parents)
    return dict.fromkeys((*links, *above, *(folders[1:] if appends else folders)))


def _replaceable(writer: Account, place: Path) -> bool:
    """Whether `writer` can put something else in the place of what a folder holds, or of a link."""
    about = os.lstat(place)
    if stat.S_ISLNK(about.st_mode):  # its mode says nothing
        return writer.uid == about.st_uid
    sticky = about.st_mode & stat.S_ISVTX and writer.uid not in (0, about.st_uid)
    return _writable(writer, place, about) and not sticky


def _writable(writer: Account, path: Path, about: os.stat_result) -> bool:
    if writer.may_write(about.st_mode, about.st_uid, about.st_gid):
        return True
    # With an access control list the group's bits are the most that it gives anybody it names.
    return bool(about.st_mode & stat.S_IWGRP) and _has_acl(path)


def _has_acl(path: Path) -> bool:
    if sys.platform != "linux":
        return False
    try:
        os.getxattr(path, "system.posix_acl_access")
    except OSError:  # none, or a file system without them
        return False
    return True


def _links(path: Path) -> list[Path]:
    """Symbolic links on the way to a file: whoever can replace one of them leads it to another file."""
    found: dict[Path, None] = {}
    waiting = [path.absolute()]
    while waiting:
        path = waiting.pop()
        for each in (path, *path.parents):
            if each not in found and each.is_symlink():
                found[each] = None
                waiting.append(each.parent / os.readlink(each))
    return list(found)


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
