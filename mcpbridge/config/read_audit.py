"""`audit:` — where the log is kept, how much of the calls, who may read it, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, get_args

from mcpbridge.audit import DeclaredSecrets, check_recipient
from mcpbridge.config.duration import LONGEST_RETENTION, parse_duration
from mcpbridge.config.files import joined
from mcpbridge.config.keys import AUDIT, AUDIT_KEYS, AUDIT_SECRET
from mcpbridge.config.models import AuditConfig, AuditLevel
from mcpbridge.config.read_anchors import read_anchors
from mcpbridge.config.reader import Reader
from mcpbridge.config.size import parse_size

_SMALLEST: Final = 64 << 10
"""A segment holds some records at least."""


def read_audit(section: Reader) -> AuditConfig:
    section.only(*AUDIT)
    path = joined(section.directory, section.text("path", "audit/") or "audit/")
    levels = _levels(section.child("levels"))
    recipients = tuple(_recipients(section))
    allow_full = section.flag("allow_full")
    keys = section.child("keys")
    keys.only(*AUDIT_KEYS)
    _together(section, levels, recipients, allow_full=allow_full)
    return AuditConfig(
        path=path,
        levels=levels,
        allow_full=allow_full,
        secrets=tuple(_secrets(section)),
        recipients=recipients,
        retention=_retention(section),
        retention_line=section.line("retention") if section.has("retention") else 0,
        rotate=_rotate(section),
        signing_key=keys.secret("signing", "MCPBRIDGE_SIGNING_KEY"),
        hmac_key=keys.secret("hmac", "MCPBRIDGE_HMAC_KEY"),
        anchors=tuple(read_anchors(section, path)),
    )


def _levels(section: Reader) -> Mapping[str, AuditLevel]:
    found: dict[str, AuditLevel] = {}
    for glob in section.values:
        _names_a_tool(section, glob, glob)
        level: AuditLevel | None = section.optional_choice(glob, get_args(AuditLevel))
        if level is not None:
            found[glob] = level
    return MappingProxyType(found)


def _together(
    section: Reader, levels: Mapping[str, AuditLevel], recipients: tuple[str, ...], *, allow_full: bool
) -> None:
    for glob, level in levels.items():
        if level == "full" and not allow_full:
            section.refuse(
                f"audit.levels: full keeps whole results of {glob!r} in the log; write audit.allow_full: "
                "true beside it if that is meant, or arguments",
                "levels",
                glob,
            )
        if level == "sealed" and not section.has("recipients"):
            section.refuse(
                f"audit.levels: {glob!r} is sealed, and nobody is named who can open it; write "
                "audit.recipients: [age1…] (`age-keygen` makes a key)",
                "levels",
                glob,
            )
    if recipients and "sealed" not in levels.values():
        section.refuse(
            "audit.recipients: nothing is sealed; give a tool that level, or remove them", "recipients"
        )


def _recipients(section: Reader) -> Iterator[str]:
    given = section.texts("recipients") or ()
    if section.values.get("recipients") == []:
        section.refuse("audit.recipients is empty; write [age1…], or remove the key", "recipients")
    for index, text in enumerate(given):
        problem = check_recipient(text)
        if problem is None:
            yield text
        else:
            section.refuse(f"audit.recipients: {problem}", "recipients", index)


def _secrets(section: Reader) -> Iterator[DeclaredSecrets]:
    for entry in section.children("secrets", 'write {tool: "bank.*", fields: [pin]}'):
        entry.only(*AUDIT_SECRET)
        tool = entry.required("tool", "write label.tool, or a glob such as bank.*")
        fields = entry.texts("fields") if entry.present("fields", "write [pin, card.number]") else None
        if tool is None or fields is None or not _names_a_tool(entry, tool, "tool"):
            continue
        if not fields:
            entry.refuse(f"{entry.name('fields')} names nothing; write [pin], or remove the entry", "fields")
        yield DeclaredSecrets(tool=tool, fields=fields)


def _names_a_tool(section: Reader, glob: str, key: str) -> bool:
    named = "." in glob or "*" in glob
    if not named:
        place = "audit.levels" if key == glob else section.name(key)
        section.refuse(f"{place}: {glob!r} names no tool; write label.tool, or a glob such as label.*", key)
    return named


def _retention(section: Reader) -> float | None:
    if not section.has("retention"):
        return None
    try:
        return parse_duration(str(section.values["retention"]), longest=LONGEST_RETENTION)
    except ValueError as error:
        section.refuse(f"audit.retention is not a duration: {error}", "retention")
        return None


def _rotate(section: Reader) -> int | None:
    if not section.has("rotate"):
        return None
    try:
        return parse_size(str(section.values["rotate"]), smallest=_SMALLEST)
    except ValueError as error:
        section.refuse(f"audit.rotate is not a size: {error}", "rotate")
        return None
