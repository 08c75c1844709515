"""The script that the service plays: in each round a hosted call and a local function call, side by side."""

from __future__ import annotations

import yaml

KEY = "{{seen:conversation (c\\d+)}}"


def script(rounds: int) -> str:
    """Round N books `cNNN-N` at the server and notes the same key with the local function."""
    rules = [_round(number) for number in range(1, rounds + 1)]
    rules.append({"when": {"sees": _booked(rounds)}, "then": [{"say": f"all {rounds} rounds of {KEY}"}]})
    return yaml.safe_dump({"rules": list(reversed(rules))}, sort_keys=False)


def _round(number: int) -> dict[str, object]:
    key = f"{KEY}-{number}"
    steps = [
        {"reasoning": f"round {number}"},
        {"mcp": {"server": "ledger", "tool": "book", "arguments": {"key": key}}},
        {"call": {"name": "note", "arguments": {"key": key}}},
    ]
    return {"when": {"sees": _booked(number - 1)} if number > 1 else {}, "then": steps}


def _booked(number: int) -> str:
    return rf"booked c\d+-{number}\b"
