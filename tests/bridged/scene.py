"""A bridge with a scripted model and servers that are not there: what the gate does with bridged calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcpbridge import Approver, Bridge, Configuration, Notice, Result
from mcpbridge.config import load_config_text
from mcpbridge.testing import FakeToolbox, FixedClock, MemoryAudit, ScriptedModel, Step

ALL = "version: 1\ndefaults: {decision: ask}\nrules: [{id: all, effect: allow, tools: ['*']}]\n"
ASK = "version: 1\ndefaults: {decision: ask}\nrules: []\n"
SERVERS = """
  - {label: docs, via: bridge, url: "https://docs.example/mcp"}
"""


@dataclass(kw_only=True)
class Scene:
    """One configuration, one scripted conversation after the other."""

    folder: Path
    boxes: Mapping[str, FakeToolbox]
    steps: Iterable[Step] = ()
    policy: str = ALL
    servers: str = SERVERS
    extra: str = ""
    approver: Approver | None = None
    tools: Iterable[Callable[..., Any]] = ()
    profile: str = "local"
    audit: MemoryAudit = field(default_factory=lambda: MemoryAudit(clock=FixedClock()))
    notices: tuple[Notice, ...] = field(default=(), init=False)
    """Of the last turn."""
    model: ScriptedModel = field(init=False)

    def __post_init__(self) -> None:
        self.model = ScriptedModel(self.steps)

    def config(self) -> Configuration:
        (self.folder / "policy.yaml").write_text(self.policy)
        text = (
            'model: {name: m, endpoint: "https://models.example/v1", profile: ' + self.profile + "}\n"
            f"servers:{self.servers}policy: policy.yaml\naudit: {{path: audit}}\n{self.extra}"
        )
        return load_config_text(text, file="mcpbridge.yaml", directory=self.folder)

    def bridge(self) -> Bridge:
        return Bridge.from_yaml(
            self.config(),
            tools=self.tools,
            model=self.model,
            approver=self.approver,
            audit=self.audit,
            clock=FixedClock(),
            state_key=b"k" * 32,
            toolboxes=self.boxes,
        )

    def run(self, *prompts: str | Callable[[], None], **options: Any) -> Result:
        """Say each text in one conversation; call what is no text in between."""
        return asyncio.run(self._run(prompts, options))

    async def _run(self, prompts: Iterable[str | Callable[[], None]], options: dict[str, Any]) -> Result:
        result: Result | None = None
        async with self.bridge() as bridge:
            for prompt in prompts:
                if isinstance(prompt, str):
                    before = None if result is None else result.conversation
                    result = await bridge.run(prompt, conversation=before, **options)
                else:
                    prompt()
        assert result is not None
        self.notices = result.notices
        return result

    def records(self, *types: str) -> list[dict[str, Any]]:
        return [record for record in self.audit.records if record["type"] in types]

    def outputs(self) -> dict[str, Any]:
        """What the model was last told about each call."""
        return {
            item["call_id"]: item["output"]
            for item in self.model.requests[-1]
            if item["type"] == "function_call_output"
        }
