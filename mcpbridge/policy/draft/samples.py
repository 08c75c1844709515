"""Examples for the drafted rules: made-up calls that the rule must take, and ones that it must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcpbridge.policy.draft.bounds import NO_LINKS, ONCE, Bound, harmless, sayable
from mcpbridge.policy.draft.vocabulary import Role
from mcpbridge.policy.draft.words import words

Example = Mapping[str, Any]

LINK: Final = "See https://evil.example/now"
"""`.example` is reserved for documentation (RFC 2606)."""
_TEXTS: Final = {
    Role.RECIPIENT: "ana@corp.example",
    Role.URL: "https://corp.example/page",
    Role.PATH: "notes/plan.txt",
    Role.TIME: "2026-03-02",
    Role.END: "2026-03-03",
    Role.ID: "A-17",
    Role.TEXT: "as agreed",
    Role.TITLE: "Spring planning",
    Role.PLACE: "Room four",
    Role.OPTION: "standard",
    Role.NAME: "Spring planning",
}
_ACCOUNT: Final = "DE89370400440532013000"
"""The example of ISO 13616."""
_ACCOUNTS: Final = frozenset({"iban", "account"})
_NUMBER: Final = 42
_NOBODY: Final = "Carry on."
"""A user who named nothing."""


def examples(bounds: Sequence[Bound]) -> tuple[list[Example], list[Example]]:
    """`match` and `not_match` of a rule."""
    used = [bound for bound in bounds if bound.parameter.required]
    used = used if any(bound.grounded for bound in used) else list(bounds)
    call = {bound.parameter.name: _sample(bound) for bound in used}
    said = "Please use " + ", ".join(_said(bound) for bound in used if bound.grounded) + "."
    grounded = any(bound.grounded for bound in used)
    spoken = {"$user": said if grounded else _NOBODY}
    wrong: list[Example] = [{**call, "$user": _NOBODY}] if grounded else []
    linked = next((bound for bound in used if NO_LINKS in bound.matcher), None)
    if linked is not None:
        wrong.append({**call, linked.parameter.name: [LINK] if linked.parameter.many else LINK, **spoken})
    return [{**call, **spoken}], wrong


def _sample(bound: Bound) -> Any:
    one = _one(bound)
    return [one] if bound.parameter.many else one


def _one(bound: Bound) -> Any:
    parameter = bound.parameter
    if parameter.choices:
        return sayable(parameter) if bound.grounded else (harmless(parameter) or parameter.choices)[0]
    if parameter.shape == "boolean":
        return ONCE not in bound.matcher
    if parameter.shape in ("number", "numbers"):
        return _NUMBER
    if _ACCOUNTS.intersection(words(parameter.name)):
        return _ACCOUNT
    return _TEXTS.get(bound.guess.role, "as agreed")


def _said(bound: Bound) -> str:
    return str(_one(bound))
