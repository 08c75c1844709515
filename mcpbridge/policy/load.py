"""A policy file's text → `Policy`, or everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, TypedDict

from mcpbridge.core.duration import seconds
from mcpbridge.core.ruling import Effect
from mcpbridge.core.yaml_lines import Path, YamlProblem, parse_yaml
from mcpbridge.errors import ConfigurationError, Problem
from mcpbridge.policy.model import Defaults, Policy
from mcpbridge.policy.problems import Problems, meant
from mcpbridge.policy.rules import read_rules

if TYPE_CHECKING:
    from mcpbridge.policy.approvers import ApproverRule
    from mcpbridge.policy.grants import GrantTerms
    from mcpbridge.policy.limits import Limit
    from mcpbridge.policy.pins_model import Pins


class _Sections(TypedDict, total=False):
    pins: Pins | None
    limits: tuple[Limit, ...]
    grants: GrantTerms | None
    approvers: tuple[ApproverRule, ...]


KEYS: Final = ("version", "mode", "defaults", "pins", "rules", "limits", "grants", "approvers")
DEFAULTS: Final = ("decision", "unknown_tool", "ask_timeout", "on_timeout", "i_accept")
_SHAPE: Final = "{decision: ask} or {decision: deny}"


def load_policy(text: str, *, file: str) -> Policy:
    """Read a policy. `file` is how problems name it.

    Raises ConfigurationError with all problems, each with its line and what to write instead.
    The format is described in docs/policy.md.
    """
    try:
        document = parse_yaml(text)
    except YamlProblem as error:
        raise ConfigurationError([Problem(file=file, line=error.line, message=str(error))]) from error
    problems = Problems(file, document)
    name = re.split(r"[/\\]", file)[-1]
    top = problems.mapping(document.value, (), f"a policy (version: 1, defaults: {_SHAPE}, rules: […])")
    if top is None:
        raise problems.error()
    problems.known_keys(top, (), "key", KEYS)
    _check_version(top, problems)
    defaults = _read_defaults(top.get("defaults"), problems)
    mode = problems.one_of(top.get("mode", "enforce"), ("mode",), ("enforce", "shadow"))
    rules = read_rules(top.get("rules", []), ("rules",), problems, name)
    sections = _read_sections(top, problems)
    if problems.count:
        raise problems.error()
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Policy(
        name=name, file=file, text=text, hash=digest, shadow=mode == "shadow", defaults=defaults,
        rules=rules, document=document, **sections,
    )  # fmt: skip


def _read_sections(top: dict[str, object], problems: Problems) -> _Sections:
    """The sections that few policies have; what reads them is loaded when one is there."""
    found: _Sections = {}
    if "pins" in top:
        from mcpbridge.policy.pins_model import read_pins

        found["pins"] = read_pins(top["pins"], problems)
    if "limits" in top:
        from mcpbridge.policy.limits import read_limits

        found["limits"] = read_limits(top["limits"], ("limits",), problems)
    if "grants" in top:
        from mcpbridge.policy.grants import read_grants

        found["grants"] = read_grants(top["grants"], ("grants",), problems)
    if "approvers" in top:
        from mcpbridge.policy.approvers import read_approvers

        found["approvers"] = read_approvers(top["approvers"], ("approvers",), problems)
    return found


def _check_version(top: dict[str, object], problems: Problems) -> None:
    version = top.get("version")
    if type(version) is not int or version != 1:
        problems.add(("version",), "write `version: 1`, the one version of this format")


def _read_defaults(value: object, problems: Problems) -> Defaults:
    at: Path = ("defaults",)
    mapping = problems.mapping(value, at, f"`defaults:` with what holds where no rule speaks, {_SHAPE},")
    if mapping is None:
        return Defaults(decision=Effect.DENY)
    problems.known_keys(mapping, at, "key of `defaults`", DEFAULTS)
    if "on_timeout" in mapping:
        problems.one_of(mapping["on_timeout"], (*at, "on_timeout"), ("deny",))
    unknown = problems.one_of(mapping.get("unknown_tool", "deny"), (*at, "unknown_tool"), ("deny", "ask"))
    return Defaults(
        decision=_read_decision(mapping, at, problems),
        unknown_tool=Effect(unknown or "deny"),
        ask_timeout=_read_duration(mapping, (*at, "ask_timeout"), problems),
    )


def _read_decision(mapping: dict[str, object], at: Path, problems: Problems) -> Effect:
    """Allowing by default takes a second key, so that nobody gets it by a slip."""
    decision = mapping.get("decision")
    accepted = mapping.get("i_accept")
    if decision == "allow":
        if accepted != "allow_by_default":
            problems.add(
                (*at, "decision"),
                "`allow` lets everything pass that no rule names; write `ask` or `deny`, "
                "or add `i_accept: allow_by_default`",
            )
        return Effect.ALLOW
    if "i_accept" in mapping:
        problems.add((*at, "i_accept"), "`i_accept` does nothing beside this decision; remove it")
    if "decision" not in mapping:
        if not any(meant(word, DEFAULTS) == "decision" for word in mapping if word not in DEFAULTS):
            problems.add(at, "`defaults` has no `decision`; write `decision: ask` or `decision: deny`")
        return Effect.DENY
    return Effect(problems.one_of(decision, (*at, "decision"), ("ask", "deny")) or "deny")


def _read_duration(mapping: dict[str, object], at: Path, problems: Problems) -> float | None:
    if "ask_timeout" not in mapping:
        return None
    value = mapping["ask_timeout"]
    found = seconds(value)
    if found is None:
        problems.add(at, "write a duration such as 30s, 15m or 2h")
    return found
