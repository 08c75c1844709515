"""`approvers:` and `grants:` against the rest: people who are never asked, a number that is never reached, an
escalation that comes too late, arguments that no tool has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from mcpbridge.core.approval import same_person
from mcpbridge.core.duration import spelled
from mcpbridge.core.raw import mapping
from mcpbridge.core.ruling import Effect
from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.approvers import ApproverRule
from mcpbridge.policy.lint.finding import Finding
from mcpbridge.policy.lint.globs import covers_tools, meet
from mcpbridge.policy.lint.known import LOCAL
from mcpbridge.policy.lint.page import Page
from mcpbridge.policy.problems import meant


def people(page: Page) -> Iterator[Finding]:
    """What is wrong with approver rules, in their order, and with grants."""
    for place, one in enumerate(page.policy.approvers):
        at: Path = ("approvers", place)
        yield from _never_asked(page, at, one)
        yield from _too_late(page, at, one)
        yield from _too_few(page, at, one)
    yield from _bound(page)


def _found(page: Page, check: str, at: Path, message: str, instead: str) -> Finding:
    return Finding(
        check=check, file=page.policy.file, line=page.document.line(at), message=message, instead=instead
    )


def _never_asked(page: Page, at: Path, one: ApproverRule) -> Iterator[Finding]:
    names = ", ".join(glob.pattern for glob in one.tools)
    known = page.known
    there = known.labels is None or any(
        known.matched(glob) or known.open_to(glob.pattern) for glob in one.tools
    )
    if not there:
        why, instead = f"no known tool fits {names}, so", "correct the names, or remove it"
    elif _asks(page, one):
        return
    else:
        why = (
            f"no rule here asks about {names}, and one that allows asks nobody: but for a changed definition"
        )
        instead = "write `effect: ask` where these people are to be asked, or remove this"
    yield _found(page, "idle-approvers", at, f"{why} these people are never asked", instead)


def _asks(page: Page, one: ApproverRule) -> bool:
    """Whether somebody may be asked about one of its tools: by a rule, the default, or pins."""
    plain = [rule for rule in page.rules if rule.who is None and not rule.when and not rule.whole]
    denied = [glob for rule in plain if rule.effect is Effect.DENY for glob in rule.tools]
    left = [glob for glob in one.tools if not covers_tools(denied, glob)]
    asking = [glob for rule in page.rules if rule.effect is Effect.ASK for glob in rule.tools]
    pins, defaults = page.policy.pins, page.policy.defaults
    if left and pins is not None and Effect.ASK in (pins.on_change, pins.on_new_tool, pins.on_missing):
        return True
    if left and defaults.unknown_tool is Effect.ASK:
        return True
    if any(meet(glob.pattern, other.pattern) for glob in left for other in asking):
        return True
    allowed = [glob for rule in plain if rule.effect is Effect.ALLOW for glob in rule.tools]
    return defaults.decision is Effect.ASK and not all(covers_tools(allowed, glob) for glob in left)


def _too_late(page: Page, at: Path, one: ApproverRule) -> Iterator[Finding]:
    """`ask_timeout` counts for the whole question where somebody waits in the process."""
    wait, after = page.policy.defaults.ask_timeout, one.approval.after
    if wait is None or after is None or after < wait:
        return
    yield _found(
        page,
        "late-escalation",
        (*at, "escalate", "after"),
        f"after {spelled(wait)} the question is over (`ask_timeout`), and {', '.join(one.approval.to)} may "
        f"agree after {spelled(after)} only: never, but in a run that pauses",
        f"write an `after` below {spelled(wait)}, or a longer `ask_timeout`",
    )


def _too_few(page: Page, at: Path, one: ApproverRule) -> Iterator[Finding]:
    """Whoever requests a call does not count, and then too few are left."""
    asked, requester = one.approval, page.known.principal
    may = (*asked.of, *asked.to)
    if not asked.not_requester or not asked.of:
        return
    if asked.quorum >= len(may) and any(same_person(requester, name) for name in may):
        check, who = "unmet-quorum", requester
    elif asked.quorum >= len(may) and not requester:
        check, who = "short-quorum", "one of them"
    else:
        return
    left = "nobody is" if len(may) == 1 else "one is" if len(may) == 2 else f"{len(may) - 1} are"
    yield _found(
        page,
        check,
        (*at, "quorum"),
        f"where {who} requests the call, {left} left of {', '.join(may)}, and {asked.quorum} "
        f"{'has' if asked.quorum == 1 else 'have'} to agree",
        "name more people in `of`, or lower the quorum",
    )


def _bound(page: Page) -> Iterator[Finding]:
    """Names that no known tool has, where all tools are known: such a name binds nothing."""
    grants, known = page.policy.grants, page.known
    if grants is None or grants.bind is None or known.labels is None or known.labels - known.listed.keys():
        return
    have = {
        name for tool in known.definitions.values() for name in mapping(tool.input_schema.get("properties"))
    }
    patterns = chain.from_iterable(rule.tools for rule in page.rules)
    if not have or any(glob.pattern.startswith(f"{LOCAL}.") for glob in patterns):
        return  # of functions a policy file knows nothing
    written: list[object] = mapping(mapping(page.document.value)["grants"])["bind"]
    for place, name in enumerate(written):
        if isinstance(name, str) and name not in have:
            close = meant(name, sorted(have))
            yield _found(
                page,
                "unknown-field",
                ("grants", "bind", place),
                f"no known tool has an argument `{name}`, so no grant is bound by it",
                f"did you mean `{close}`?" if close else "correct the name, or remove it",
            )
