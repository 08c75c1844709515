"""Microsoft's Agent Governance Toolkit. A rule there has one condition on one field, and the first rule by
priority that matches decides: so a tool's bounds are rules of their own, on fields named after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent_os.policies import PolicyDocument, PolicyEvaluator
from timing import serve


def prepare(task: dict[str, Any]) -> Callable[[], list[bool]]:
    rules = [_rule("deny", 3, f"{server}.region", "eq", task["closed"]) for server in task["servers"]]
    for tool in task["tools"]:
        name = f"{tool['server']}.{tool['name']}"
        rules += [
            _rule("deny", 2, f"{name}.amount", "gt", tool["limit"]),
            _rule("deny", 2, f"{name}.amount", "lte", 0),
            _rule("deny", 2, f"{name}.currency", "not_in", list(task["currencies"])),
            _rule("allow", 1, "tool_name", "eq", name),
        ]
    document = PolicyDocument.model_validate(
        {"version": "1.0", "name": "bench", "rules": rules, "defaults": {"action": "deny"}}
    )
    evaluator = PolicyEvaluator(policies=[document])
    contexts = [_context(call) for call in task["calls"]]

    def decide() -> list[bool]:
        return [evaluator.evaluate(context).allowed for context in contexts]

    return decide


def _context(call: dict[str, Any]) -> dict[str, Any]:
    name = f"{call['server']}.{call['tool']}"
    return {
        "tool_name": name,
        f"{call['server']}.region": call["region"],
        f"{name}.amount": call["amount"],
        f"{name}.currency": call["currency"],
    }


def _rule(action: str, priority: int, field: str, operator: str, value: object) -> dict[str, Any]:
    return {
        "name": f"{action}-{field}-{value}",
        "condition": {"field": field, "operator": operator, "value": value},
        "action": action,
        "priority": priority,
    }


if __name__ == "__main__":
    serve(prepare)
