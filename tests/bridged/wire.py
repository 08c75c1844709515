"""A configuration against the local service and a real MCP server, reached one way or the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcpbridge import Approver, Bridge, Result
from mcpbridge.audit import read
from mcpbridge.config import load_config
from mcpbridge.service.endpoint import LocalEndpoint
from tests.wire.stack import FAST, sources

ALL = "version: 1\ndefaults: {decision: ask}\nrules: [{id: all, effect: allow, tools: ['*']}]\n"
ASK = "version: 1\ndefaults: {decision: ask}\nrules: []\n"


@dataclass(kw_only=True)
class Wire:
    """`servers` is the YAML of the list."""

    folder: Path
    service: LocalEndpoint
    servers: str
    policy: str = ALL
    extra: str = ""
    model_extra: str = ""
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    def file(self) -> Path:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "policy.yaml").write_text(self.policy)
        file = self.folder / "mcpbridge.yaml"
        file.write_text(
            f'model: {{name: m, endpoint: local, url: "{self.service.base_url}", api_key: "${{env:KEY}}"'
            f"{self.model_extra}}}\nservers:\n{self.servers}policy: policy.yaml\naudit: {{path: audit}}\n"
            f"{self.extra}"
        )
        return file

    def bridge(self, *, tools: Iterable[Callable[..., Any]] = (), approver: Approver | None = None) -> Bridge:
        env = sources({"KEY": self.service.api_key, **self.env})
        return Bridge.from_yaml(
            load_config(self.file()), tools=tools, approver=approver, sources=env, retries=FAST
        )

    def turns(
        self,
        *steps: str | Callable[[], None],
        tools: Iterable[Callable[..., Any]] = (),
        approver: Approver | None = None,
        **options: Any,
    ) -> list[Result]:
        """Say each text in one conversation; call what is no text in between."""

        async def whole() -> list[Result]:
            found: list[Result] = []
            async with self.bridge(tools=tools, approver=approver) as bridge:
                for step in steps:
                    if isinstance(step, str):
                        before = found[-1].conversation if found else None
                        found.append(await bridge.run(step, conversation=before, **options))
                    else:
                        step()
            return found

        return asyncio.run(whole())

    def records(self, *types: str) -> list[Mapping[str, Any]]:
        found = read(self.folder / "audit")
        return [record for record in found if not types or record["type"] in types]
