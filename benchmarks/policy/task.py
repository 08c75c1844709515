"""The same 100 rules and the same calls for everybody.

Ten servers with nine tools each: a tool is allowed within bounds of its own (90 rules), and for each server
some regions are closed (10 rules that forbid). A call is allowed when its tool's rule matches and no rule
forbids it. Names have one length, since one of the others takes every name for a prefix.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

SERVERS: Final = 10
TOOLS: Final = 9
CURRENCIES: Final = ("CHF", "EUR", "USD")
CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool and its bound."""

    server: str
    name: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, and what everybody has to say about it."""

    server: str
    tool: str
    amount: int
    currency: str
    region: str
    allowed: bool


def tools() -> list[Tool]:
    return [
        Tool(server=f"bank{server}", name=f"op{number}", limit=1000 + 10 * number + server)
        for server in range(SERVERS)
        for number in range(TOOLS)
    ]


def calls() -> list[Call]:
    """Of each tool: within its bounds, above them, in another currency, and in a closed region."""
    found: list[Call] = []
    for tool in tools():
        for amount, currency, region, allowed in (
            (tool.limit, "EUR", "north", True),
            (tool.limit + 1, "EUR", "north", False),
            (100, "XXX", "north", False),
            (100, "EUR", CLOSED, False),
        ):
            found.append(
                Call(
                    server=tool.server, tool=tool.name, amount=amount, currency=currency, region=region,
                    allowed=allowed,
                )
            )  # fmt: skip
    return found


def task() -> dict[str, Any]:
    """What the workers are given."""
    return {
        "tools": [asdict(tool) for tool in tools()],
        "servers": [f"bank{number}" for number in range(SERVERS)],
        "currencies": CURRENCIES,
        "closed": CLOSED,
        "calls": [asdict(call) for call in calls()],
        "policy": policy_text(),
    }


def as_json() -> str:
    """One line."""
    return json.dumps(task())


def policy_text(*, examples: bool = False) -> str:
    """As an mcpbridge policy."""
    lines = ["version: 1", "defaults: {decision: deny}", "rules:"]
    for tool in tools():
        lines += [
            f"  - id: {tool.server}-{tool.name}",
            "    effect: allow",
            f"    tools: [{tool.server}.{tool.name}]",
            f"    when: {{amount: {{gt: 0, le: {tool.limit}}}, currency: {{in: [{', '.join(CURRENCIES)}]}}, "
            "region: {type: string}}",
        ]
        if examples:
            lines += [
                "    examples:",
                f"      match: [{{amount: {tool.limit}, currency: EUR, region: north}}]",
                f"      not_match: [{{amount: {tool.limit + 1}, currency: EUR, region: north}}, {{}}]",
            ]
    for number in range(SERVERS):
        lines += [
            f"  - id: closed-{number}",
            "    effect: deny",
            f'    tools: ["bank{number}.*"]',
            f"    when: {{region: {{eq: {CLOSED}}}}}",
        ]
        if examples:
            lines += [
                "    examples:",
                f"      match: [{{region: {CLOSED}}}]",
                "      not_match: [{region: north}]",
            ]
    return "\n".join(lines) + "\n"
