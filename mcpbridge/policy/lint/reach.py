"""Rules against the world: tools and people that do not exist, globs that take in too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.ruling import Effect
from mcpbridge.policy.draft import judge_tool
from mcpbridge.policy.draft.vocabulary import Kind
from mcpbridge.policy.glob import Glob
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.known import LOCAL
from mcpbridge.policy.lint.page import Page
from mcpbridge.policy.model import Rule
from mcpbridge.policy.problems import meant

_SHOWN: Final = 3


def reach(page: Page, place: int) -> Iterator[Finding]:
    """What one rule's `tools` and `who` come to."""
    rule = page.rules[place]
    for number, glob in enumerate(rule.tools):
        if page.known.labels is not None:
            yield from _nothing(page, place, number, glob)
        if rule.effect is Effect.ALLOW and "*" in glob.pattern:
            yield from _broad(page, place, number, glob)
    yield from _nobody(page, place, rule)


def _nothing(page: Page, place: int, number: int, glob: Glob) -> Iterator[Finding]:
    """A pattern that no known tool fits. Guards for servers of any name (`*.*delete*`) look ahead."""
    known = page.known
    label, _, tool = glob.pattern.partition(".")
    if "*" in label or known.matched(glob) or known.open_to(glob.pattern):
        return
    at = page.tool(number)
    if known.labels is not None and label not in known.labels | {LOCAL}:
        message = f"{glob.pattern}: there is no server {label!r}"
        close = meant(label, sorted(known.labels))
    else:
        message = (
            f"{glob.pattern}: no tool of the server {label!r} {'fits' if '*' in tool else 'is called so'}"
        )
        close = meant(tool, sorted(known.listed.get(label, ())))
    instead = f"did you mean `{close}`?" if close else "correct the name, or remove it"
    yield page.find("unreachable" if "*" in glob.pattern else "unknown-tool", place, at, message, instead)


def _nobody(page: Page, place: int, rule: Rule) -> Iterator[Finding]:
    """Groups that the configuration does not have. Principals come with each run: nobody knows them all."""
    groups = page.known.groups
    if groups is None or rule.who is None:
        return
    for glob in rule.who.groups:
        if not any(glob.matches(group) for group in groups):
            close = meant(glob.pattern, sorted(groups))
            yield page.find(
                "unreachable",
                place,
                ("who",),
                f"no group is called {glob.pattern}, so this part of `who` means nobody",
                f"did you mean `{close}`?" if close else "add it to `groups:` of the configuration",
            )


def _broad(page: Page, place: int, number: int, glob: Glob) -> Iterator[Finding]:
    found = _across_servers(page, glob) or _writes(page, place, glob)
    if found:
        yield page.find("over-broad", place, page.tool(number), *found)


def _across_servers(page: Page, glob: Glob) -> tuple[str, str] | None:
    """A `*` that takes in labels: by halves, or without a dot. `*.get_*` says plainly "any server"."""
    label, dot, tool = glob.pattern.partition(".")
    if dot and ("*" not in label or not label.strip("*")):
        return None
    if not dot:
        if not label.strip("*"):
            return None
        return (
            f"{glob.pattern} also allows every tool of a server whose label fits",
            f"write `*.{glob.pattern}`, or name the server",
        )
    labels = sorted(one for one in page.known.labels or () if Glob(label).matches(one))
    if len(labels) == 1:
        which = f"now only {labels[0]}, tomorrow any server with such a label"
    else:
        which = f"which are {', '.join(labels)}" if labels else "whoever they belong to"
    return (
        f"{glob.pattern} allows tools of every server whose label fits `{label}`, {which}",
        f"name each server, such as `{(labels or ['github'])[0]}.{tool}`",
    )


def _writes(page: Page, place: int, glob: Glob) -> tuple[str, str] | None:
    """Without conditions, over tools that do not plainly read."""
    rule = page.rules[place]
    if rule.when or rule.whole:
        return None
    tool = glob.pattern.partition(".")[2]
    names = page.known.matched(glob)
    if not glob.pattern.replace("*", "").strip("."):
        return f"{glob.pattern} allows every tool of every server, with any arguments", _NAME_THEM
    if page.known.labels is not None and not page.known.open_to(glob.pattern):
        writing = [name for name in names if not _reads(page, name) and not _guarded(page, name)]
        if not writing:
            return None
        listed = ", ".join(writing[:_SHOWN]) + (
            f" and {len(writing) - _SHOWN} more" * (len(writing) > _SHOWN)
        )
        return f"{glob.pattern} allows, with any arguments, what does not plainly read: {listed}", _NAME_THEM
    if judge_tool("any", ToolDefinition(name=tool.replace("*", "") or "any")).kind is Kind.READ:
        return None
    return (
        f"{glob.pattern} allows tools with any arguments whose names do not say that they only read",
        _NAME_THEM,
    )


_NAME_THEM: Final = "name the tools that are meant, or add conditions on their arguments"


def _reads(page: Page, name: str) -> bool:
    label, _, tool = name.partition(".")
    definition = page.known.definitions.get(name) or ToolDefinition(name=tool)
    return judge_tool(label, definition).kind is Kind.READ


def _guarded(page: Page, name: str) -> bool:
    """Whether a stricter rule always matches this tool."""
    return any(
        rule.effect is not Effect.ALLOW
        and rule.who is None
        and not rule.when
        and not rule.whole
        and rule.covers(name)
        for rule in page.rules
    )
