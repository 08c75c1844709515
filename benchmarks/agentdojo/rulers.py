"""What decides on a call: a drafted policy, or a baseline. All of them through the same `rule`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mcpbridge.core.action import Action
from mcpbridge.core.ruling import Effect
from mcpbridge.core.strict_json import parse_arguments
from mcpbridge.policy import Facts, Policy, load_policy, rule
from mcpbridge.policy.draft import draft, judge_tool, sink_arguments

from .suites import Call, Suite

_READY: Final = Path(__file__).parents[2] / "policies" / "ask-before-write.yaml"
_FIXED: Final = {
    "ask-all": "version: 1\ndefaults: {decision: ask}\n",
    "allow-all": "version: 1\ndefaults: {decision: allow, i_accept: allow_by_default}\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """A policy for one suite, and which arguments a person's "for this conversation" is bound to."""

    name: str
    label: str
    policy: Policy
    bind: frozenset[str] | None = None
    """None: to all arguments."""
    _seen: dict[tuple[str, str, str], Effect] = field(default_factory=dict[tuple[str, str, str], Effect])

    def effect(self, call: Call, said: str) -> Effect:
        """What happens to a call in a conversation in which the user said only `said`."""
        raw = json.dumps(call.arguments, ensure_ascii=False)
        key = (call.tool, raw, said)
        if key not in self._seen:
            action = Action(
                request_id="mcpr_1",
                server_label=self.label,
                tool=call.tool,
                via="hosted",
                arguments=parse_arguments(raw),
                raw_arguments=raw,
            )
            facts = Facts(principal="user", user_texts=(said,))
            self._seen[key] = rule(action, [self.policy], facts).effect
        return self._seen[key]

    def granted(self, call: Call, approved: Call) -> bool:
        """Whether a yes to `approved` for the conversation covers `call`: same tool, same bound arguments."""
        return call.tool == approved.tool and self._bound(call.arguments) == self._bound(approved.arguments)

    def _bound(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in arguments.items() if self.bind is None or name in self.bind}


def drafted(suite: Suite) -> Ruler:
    """The policy that `policy draft` makes of the suite's tool definitions, untouched."""
    policy = load_policy(draft([suite.toolbox]), file=f"{suite.name}.yaml")
    bind = sink_arguments([judge_tool(suite.name, tool) for tool in suite.toolbox.tools])
    return Ruler(name="drafted", label=suite.name, policy=policy, bind=frozenset(bind))


def baselines(suite: Suite) -> list[Ruler]:
    """Reads run and writes ask, by name (the shipped policy); everything asks; everything runs."""
    texts = {"ask-before-write": _READY.read_text(encoding="utf-8"), **_FIXED}
    return [
        Ruler(name=name, label=suite.name, policy=load_policy(text, file=f"{name}.yaml"), bind=frozenset())
        for name, text in texts.items()
    ]
