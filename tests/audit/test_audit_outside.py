"""Which files the account that writes a log could change, and so prove nothing against it."""

from __future__ import annotations

import os
import stat
import struct
import sys
from pathlib import Path

import pytest

from mcpbridge.audit.verifying.outside import Account, only_appends, standing, writer_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="accounts and modes as POSIX has them")

_FILE = stat.S_IFREG
_ADA = Account(uid=501, groups=frozenset({20, 30}), name="ada")


@pytest.mark.parametrize(
    ("account", "mode", "owner", "group", "may"),
    [
        (_ADA, 0o600, 501, 20, True),
        (_ADA, 0o400, 501, 20, True),  # the owner may give herself the right
        (_ADA, 0o644, 0, 0, False),
        (_ADA, 0o664, 0, 30, True),
        (_ADA, 0o646, 0, 0, True),
        (_ADA, 0o606, 0, 30, False),  # her group's bits count, not the others'
        (_ADA, 0o620, 0, 40, False),
        (Account(uid=0, name="root"), 0o400, 7, 7, True),
    ],
)
def test_who_may_write_is_what_the_kernel_would_say(
    account: Account, mode: int, owner: int, group: int, may: bool
) -> None:
    assert account.may_write(_FILE | mode, owner, group) is may


def _folders(tmp_path: Path) -> tuple[Path, Account]:
    """A file, and an account that is nobody's here."""
    path = tmp_path / "kept.jsonl"
    path.write_bytes(b"")
    path.chmod(0o644)
    return path, Account(uid=os.getuid() + 40_000, groups=frozenset(), name="agent")


def test_a_file_that_the_writer_can_neither_write_nor_replace_is_outside(tmp_path: Path) -> None:
    path, agent = _folders(tmp_path)
    assert standing(path, agent) == (True, "not writable by agent")


def test_a_file_in_a_folder_that_the_writer_can_write_is_not(tmp_path: Path) -> None:
    path, agent = _folders(tmp_path)
    tmp_path.chmod(0o777)
    inside = standing(path, agent)
    assert not inside.outside
    assert "writable by this account (agent" in inside.why
    tmp_path.chmod(0o1777)  # as /tmp: others' files stay where they are
    assert standing(path, agent).outside


def test_the_file_itself_may_be_writable_by_others(tmp_path: Path) -> None:
    path, agent = _folders(tmp_path)
    path.chmod(0o666)
    assert not standing(path, agent).outside
    path.chmod(0o644)
    assert not standing(path, Account(uid=os.getuid(), name="me")).outside
    assert not standing(path, Account(uid=0, name="root")).outside


def test_without_accounts_nothing_is_outside(tmp_path: Path) -> None:
    assert not standing(_folders(tmp_path)[0], None).outside


def test_the_writer_is_who_owns_the_log(tmp_path: Path) -> None:
    found = writer_of(_folders(tmp_path)[0])
    assert found
    assert found.uid == os.getuid()


def test_an_ordinary_file_does_not_only_append(tmp_path: Path) -> None:
    assert not only_appends(_folders(tmp_path)[0])
    assert not only_appends(tmp_path / "none")


def test_whoever_can_replace_a_link_on_the_way_can_replace_the_file(tmp_path: Path) -> None:
    path, agent = _folders(tmp_path)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    (tmp_path / "link").symlink_to(path.name)
    (tmp_path / "theirs" / "link").symlink_to(path)
    (tmp_path / "way").symlink_to(tmp_path / "theirs" / "hop")
    (tmp_path / "theirs" / "hop").symlink_to(tmp_path)
    assert standing(tmp_path / "link", agent).outside
    for link in (tmp_path / "theirs" / "link", tmp_path / "way" / path.name):
        assert not standing(link, agent).outside


@pytest.mark.skipif(sys.platform != "linux", reason="access control lists as Linux has them")
def test_an_access_control_list_may_let_the_writer_in(tmp_path: Path) -> None:
    path, agent = _folders(tmp_path)
    nobody = 0xFFFFFFFF
    # acl(5): the owner, a named user, the group, the mask and others; the mask shows as the group's bits.
    entries = ((1, 6, nobody), (2, 6, agent.uid), (4, 4, nobody), (0x10, 6, nobody), (0x20, 4, nobody))
    listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", listed)
    except OSError:
        pytest.skip("a file system without access control lists")
    assert not standing(path, agent).outside
