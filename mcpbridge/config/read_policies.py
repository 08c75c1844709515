"""The `policy:` key: one or several, each a file beside the configuration or a shipped one by name."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from mcpbridge.config.files import Unreadable, joined, read_text, similar
from mcpbridge.config.read_lock import with_lock
from mcpbridge.config.reader import Reader
from mcpbridge.config.shipped import NotShipped, is_shipped_name, shipped, shipped_names
from mcpbridge.config.suggest import also
from mcpbridge.errors import ConfigurationError
from mcpbridge.policy import Policy, load_policy
from mcpbridge.policy.changed import ALL_SHADOW, enforcing


def read_policies(top: Reader) -> tuple[Policy, ...]:
    """All policies. At least one must be named: nothing runs without rules."""
    names = ", ".join(shipped_names("policies"))
    if not top.present("policy", f"write policy: ./FILE.yaml, or the name of one that is shipped: {names}"):
        return ()
    policies = _named(top)
    if policies and not enforcing(policies):
        top.refuse(f"policy: {ALL_SHADOW}", "policy")
    return policies


def _named(top: Reader) -> tuple[Policy, ...]:
    given = top.values["policy"]
    if not isinstance(given, list):
        name = top.text("policy")
        return _one(top, name, "policy") if name else ()
    entries = cast("list[object]", given)
    if not entries:
        top.refuse("policy: the list is empty; name at least one policy", "policy")
    top.texts("policy")  # refuses entries that are no text
    named = [
        (index, entry) for index, entry in enumerate(entries) if isinstance(entry, str) and entry.strip()
    ]
    return tuple(policy for index, name in named for policy in _one(top, name, "policy", index))


def _one(top: Reader, name: str, *keys: str | int) -> tuple[Policy, ...]:
    found = _shipped(top, name, keys) if is_shipped_name(name) else _file(top, name, keys)
    if found is None:
        return ()
    text, file = found
    path = None if is_shipped_name(name) else joined(top.directory, name)
    beside = top.directory if path is None else path.parent
    try:
        return (with_lock(load_policy(text, file=file), beside, path=str(path or "")),)
    except ConfigurationError as error:
        top.findings.problems.extend(error.problems)
        return ()


def _shipped(top: Reader, name: str, keys: tuple[str | int, ...]) -> tuple[str, str] | None:
    try:
        return shipped("policies", name)
    except NotShipped as error:
        top.refuse(also(f"policy: {error}", f"a file of your own is written as ./{name}.yaml"), *keys)
        return None


def _file(top: Reader, name: str, keys: tuple[str | int, ...]) -> tuple[str, str] | None:
    path = joined(top.directory, name)
    try:
        return read_text(path), str(Path(top.file).parent / name)
    except Unreadable as error:
        stem = path.stem
        advice = f"; write policy: {stem} for the one that comes with mcpbridge" * (
            stem in shipped_names("policies")
        )
        top.refuse(f"policy: {name}: {error} (looked for {path}){advice or similar(path)}", *keys)
        return None
