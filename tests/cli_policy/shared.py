"""A small policy, its tools, a call, and a short way to run a command."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mcpbridge.cli.main import main

IBAN: Final = "DE89370400440532013000"
POLICY: Final = f"""version: 1
defaults: {{decision: ask, unknown_tool: deny}}
rules:
  - id: small-payment
    effect: allow
    tools: [bank.pay]
    when:
      amount: {{gt: 0, le: 100}}
      recipient: {{grounded: user_text}}
    examples:
      match: [{{amount: 99.5, recipient: {IBAN}, $user: "pay {IBAN} 99.50"}}]
      not_match: [{{amount: 500, recipient: {IBAN}, $user: "pay {IBAN} 500"}}]
  - id: no-closing
    effect: deny
    tools: [bank.close]
    reason: "Accounts are closed at the counter."
  - id: staff-reads
    effect: allow
    tools: [bank.list_accounts]
    who: {{groups: [staff]}}
"""
TOOLS: Final[list[dict[str, Any]]] = [
    {
        "name": "pay",
        "inputSchema": {
            "type": "object",
            "properties": {"amount": {"type": "number"}, "recipient": {"type": "string"}},
        },
    },
    {"name": "close", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "list_accounts", "inputSchema": {"type": "object", "properties": {}}},
]
CALL: Final = {"tool": "bank.pay", "arguments": {"amount": 250, "recipient": IBAN}}


def run(*words: str) -> int:
    return main(["policy", *words])


def run_json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """The exit code, and what `--json` printed."""
    code = run(*words, "--json")
    return code, json.loads(capsys.readouterr().out)
