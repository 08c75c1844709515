"""mcpbridge: every matching rule is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from timing import serve

from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Effect
from mcpbridge.policy import Facts, load_policy, rule


def prepare(task: dict[str, Any]) -> Callable[[], list[bool]]:
    policies = [load_policy(task["policy"], file="policy.yaml")]
    facts, actions = Facts(principal="bench"), [_action(call) for call in task["calls"]]

    def decide() -> list[bool]:
        return [rule(action, policies, facts).effect is Effect.ALLOW for action in actions]

    return decide


def _action(call: dict[str, Any]) -> Action:
    arguments = {name: call[name] for name in ("amount", "currency", "region")}
    return Action(
        request_id="r", server_label=call["server"], tool=call["tool"], via="hosted", arguments=arguments,
        raw_arguments=json.dumps(arguments),
    )  # fmt: skip


if __name__ == "__main__":
    serve(prepare)
