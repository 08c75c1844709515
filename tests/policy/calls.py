"""Short ways to write a call and a policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Ruling
from mcpbridge.policy import Facts, Policy, load_policy, rule

READY = Path(__file__).parents[2] / "policies"
SOMEBODY = Facts(principal="ana")


def call(name: str, arguments: Mapping[str, Any] | None = None, *, malformed: str | None = None) -> Action:
    label, _, tool = name.partition(".")
    return Action(
        request_id="mcpr_1",
        server_label=label,
        tool=tool,
        via="hosted",
        arguments=None if malformed else dict(arguments or {}),
        raw_arguments=json.dumps(arguments or {}, default=str),
        malformed=malformed,
    )


def policy(rules: str = "", *, defaults: str = "{decision: ask}", file: str = "p.yaml") -> Policy:
    return load_policy(f"version: 1\ndefaults: {defaults}\nrules:\n{rules or '  []'}\n", file=file)


def ruled(
    rules: str, name: str, arguments: Mapping[str, Any] | None = None, facts: Facts = SOMEBODY
) -> Ruling:
    return rule(call(name, arguments), [policy(rules)], facts)
