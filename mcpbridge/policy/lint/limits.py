"""Limits that can never bind: they count calls that cannot happen, or others always end first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcpbridge.core.ruling import Effect
from mcpbridge.policy.limits import Limit
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.globs import covers_tools
from mcpbridge.policy.lint.page import Page


def limits(page: Page) -> Iterator[Finding]:
    """What is wrong with the limits of a policy, in their order."""
    given = page.policy.limits
    for place, one in enumerate(given):
        found = _nothing_there(page, one) or _denied(page, one) or _behind(given, place)
        if found is not None:
            yield Finding(
                check="idle-limit",
                file=page.policy.file,
                line=one.line,
                message=found[0],
                instead=found[1],
            )


def _nothing_there(page: Page, one: Limit) -> tuple[str, str] | None:
    known = page.known
    if known.labels is None or any(known.matched(glob) or known.open_to(glob.pattern) for glob in one.tools):
        return None
    return (
        f"no known tool fits {_names(one)}, so this limit counts nothing",
        "correct the names, or remove it",
    )


def _denied(page: Page, one: Limit) -> tuple[str, str] | None:
    """Every call it counts is denied, whatever its arguments."""
    deniers = [
        rule
        for rule in page.rules
        if rule.effect is Effect.DENY and rule.who is None and not rule.when and not rule.whole
    ]
    globs = [glob for rule in deniers for glob in rule.tools]
    if not all(covers_tools(globs, glob) for glob in one.tools):
        return _unallowed(page, one)
    ids = ", ".join(
        f"`{rule.id}`" for rule in deniers if any(covers_tools(rule.tools, glob) for glob in one.tools)
    )
    return f"every call of {_names(one)} is denied by {ids}, so this limit counts nothing", "remove it"


def _unallowed(page: Page, one: Limit) -> tuple[str, str] | None:
    """Nothing allows or asks about what it counts, and the default denies. Only for exact names."""
    if page.policy.defaults.decision is not Effect.DENY or any("*" in glob.pattern for glob in one.tools):
        return None
    names = [glob.pattern for glob in one.tools]
    if any(rule.effect is not Effect.DENY and rule.covers(name) for rule in page.rules for name in names):
        return None
    return f"no rule allows {_names(one)}, so this limit counts nothing", "allow it, or remove the limit"


def _behind(given: Sequence[Limit], place: int) -> tuple[str, str] | None:
    """Another limit counts at least every call that this one counts, and ends no later."""
    one = given[place]
    for other_place, other in enumerate(given):
        if other_place == place or not _counts_more(other, one) or other.calls > one.calls:
            continue
        twins = other.calls == one.calls and _counts_more(one, other)
        if not twins or other_place < place:  # of two equal ones the first stays
            return (
                f"this limit of {one.calls} calls is never reached: the one in line {other.line} ends after "
                f"{other.calls}",
                "lower this one, or remove it",
            )
    return None


def _counts_more(other: Limit, one: Limit) -> bool:
    longer = other.window is None or (one.window is not None and one.window <= other.window)
    coarser = set(other.scopes) <= set(one.scopes)
    return longer and coarser and all(covers_tools(other.tools, glob) for glob in one.tools)


def _names(one: Limit) -> str:
    return ", ".join(glob.pattern for glob in one.tools)
