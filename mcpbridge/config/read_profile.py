"""`model.profile:` → a Profile: a shipped one by name, a file, or capabilities asserted one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args

from mcpbridge.config.files import reader_of, text_of
from mcpbridge.config.keys import PROFILE
from mcpbridge.config.profiles import PROFILES, UNKNOWN
from mcpbridge.config.profiles_model import AuthorizationIn, McpResults, Profile
from mcpbridge.config.reader import Reader
from mcpbridge.config.shipped import is_shipped_name
from mcpbridge.config.suggest import instead

_ADVICE: Final = "write profile: openai if it behaves like OpenAI, or a mapping of what it can do"


def read_profile(model: Reader, endpoint: str) -> Profile:
    """The profile of a named endpoint, unless `profile:` says otherwise; a base URL must say."""
    own = PROFILES.get(endpoint)
    given = model.values.get("profile")
    if given is None:
        if own is None and "://" in str(model.values.get("endpoint")):  # else that is the problem
            model.refuse(f"model.profile is missing: nothing is known about this URL; {_ADVICE}", "endpoint")
        return own or UNKNOWN
    if isinstance(given, dict):
        return _asserted(model.child("profile"), own or UNKNOWN)
    if isinstance(given, str) and not is_shipped_name(given):
        return _from_file(model, given)
    return _named(model, "profile", own or UNKNOWN)


def _from_file(model: Reader, value: str) -> Profile:
    """A file, as `mcpbridge doctor --write` makes it. It claims what stands in it, over nothing."""
    found = text_of(model, value, "profile")
    if found is None:
        return UNKNOWN
    text, name, directory = found
    reader = reader_of(text, file=name, directory=directory, findings=model.findings)
    return UNKNOWN if reader is None else _asserted(reader, UNKNOWN)


def _named(reader: Reader, key: str, default: Profile) -> Profile:
    name = reader.text(key)
    if name is None:
        return default
    if name not in PROFILES:
        reader.refuse(f"{reader.name(key)} cannot be {name[:40]!r}; {instead(name, PROFILES)}", key)
    return PROFILES.get(name, default)


def _asserted(reader: Reader, default: Profile) -> Profile:
    reader.only(*PROFILE)
    base = _named(reader, "extends", default)
    return replace(
        base,
        name="custom",
        approvals_honoured=reader.flag("approvals_honoured", base.approvals_honoured),
        hosted_mcp=reader.flag("hosted_mcp", base.hosted_mcp),
        authorization_in=reader.choice("authorization_in", get_args(AuthorizationIn), base.authorization_in),
        mcp_results=reader.choice("mcp_results", get_args(McpResults), base.mcp_results),
        encrypted_reasoning=reader.flag("encrypted_reasoning", base.encrypted_reasoning),
        allowed_callers=reader.flag("allowed_callers", base.allowed_callers),
        source=f"asserted in {reader.file}:{reader.line()}, over {base.name}",
    )
